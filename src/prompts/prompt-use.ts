/** What traces were made with; `traces/` knows. */
export interface TraceUse {
  /** Those of these etags that a trace of the prompt has. */
  findUsedEtags(tenantId: string, promptName: string, etags: readonly string[]): Promise<string[]>
  hasTrace(tenantId: string, id: string): Promise<boolean>
}

/** How what is published was tried; `playground/` knows. */
export interface RunUse {
  /** Of the runs of a session, those that succeeded with this content, whichever model answered. */
  listRunIds(tenantId: string, sessionId: string, textEtag: string): Promise<string[]>
}

export function describeUse(what: string, versions: number): string {
  const traces = versions === 1 ? 'Traces were made with it' : `Traces were made with ${versions} of its versions`
  return `${traces}: ${what} can't be deleted as long as they are there.`
}
