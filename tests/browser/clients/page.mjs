import { Stream } from '@motiadev/stream-client-browser'
import { follow } from './follow.mjs'

const token = new URLSearchParams(location.search).get('token')
const stream = new Stream(`ws://${location.host}/__motia/streams`, token ? { protocols: ['Authorization', token] } : undefined)
window.told = []
window.followed = follow(stream, (told) => window.told.push(told))
