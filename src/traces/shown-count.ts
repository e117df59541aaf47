/** GraphQL's Int ends here. A sum of counts, each of which may reach it, is shown as that, not refused. */
const maxInt = 2_147_483_647

export function shownCount(count: number): number {
  return Math.min(count, maxInt)
}
