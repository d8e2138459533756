/** Things by what they have in common, in their order. */
export function grouped<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>()
  for (const item of items) {
    const name = key(item)
    const members = found.get(name)
    if (members) members.push(item)
    else found.set(name, [item])
  }
  return found
}
