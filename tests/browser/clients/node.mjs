import { createInterface } from 'node:readline'
import { Stream } from '@motiadev/stream-client-node'
import { follow } from './follow.mjs'

const [address, token] = process.argv.slice(2)
const stream = new Stream(address, token ? { protocols: ['Authorization', token] } : undefined)
stream.ws.ws.addEventListener('error', (error) => tell({ what: 'refused', data: error.message }))
const tell = (told) => process.stdout.write(JSON.stringify(told) + '\n')
const followed = follow(stream, tell)
for await (const line of createInterface({ input: process.stdin })) followed[line].close()
process.exit(0)
