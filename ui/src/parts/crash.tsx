import { Component, type ReactNode } from 'react'
import { ApiError } from '../api'
import { Failure } from './answers'

/** A fault of the page itself is said where the page would stand; the rail keeps working. */
export class Crash extends Component<{ children: ReactNode }, { error: unknown }> {
  state = { error: null as unknown }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  render() {
    if (this.state.error === null) return this.props.children
    const text = this.state.error instanceof Error ? this.state.error.message : String(this.state.error)
    const error = new ApiError(0, 'This page failed', text)
    return <Failure error={error} retry={() => this.setState({ error: null })} />
  }
}
