export type Kind = 'http' | 'queue' | 'cron' | 'state' | 'stream' | 'virtual' | 'noop' | (string & {})
