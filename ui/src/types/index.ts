// What the API answers. Times are epoch milliseconds, span offsets microseconds from the start of the trace.

export * from './app'
export * from './runs'
export * from './words'
export * from './work'
