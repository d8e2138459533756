// Rows that are chosen: by name, or all that match a filter, beyond the page that is shown too.

export interface Picked {
  ids: ReadonlySet<string>
  all: boolean
}

/** Turn one over. From "all that match", what stays is the shown page without that one. */
export function pick(picked: Picked, id: string, page: readonly string[]): Picked {
  const ids = new Set(picked.all ? page : picked.ids)
  if (!ids.delete(id)) ids.add(id)
  return { ids, all: false }
}

/** How many an action is for, and their ids; null for all that match the filter. */
export function selected(picked: Picked, page: readonly string[], total: number): { count: number; ids: string[] | null } {
  if (picked.all) return { count: total, ids: null }
  const ids = page.filter((id) => picked.ids.has(id))
  return { count: ids.length, ids }
}
