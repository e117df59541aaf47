/** The values of an enum from a table that describes each of them. */
export function describedValues<Name extends string>(descriptions: Record<Name, string>) {
  return Object.fromEntries(
    Object.entries<string>(descriptions).map(([name, description]) => [name, { description }]),
  ) as Record<Name, { description: string }>
}
