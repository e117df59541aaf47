/**
 * The place in a frame for a result that is text already. The protocol writes its frames with `JSON.stringify`, which
 * knows no raw JSON and can't follow it into its depths. So it is given a stand-in, and the text is put in where the
 * frame is sent: in the same turn, before anything else can be written on this connection.
 */
export interface PayloadPlace {
  /** What stands in for the text until the frame is sent. */
  hold(text: string): object
  /** The frame with the text in its place, if it was written with one. */
  fill(frame: string): string
}

/** A frame ends with its payload: whatever a client has made its operation's id look like stands before. */
const standIn = '"payload":null}'

export function createPayloadPlace(): PayloadPlace {
  let held: string | null = null
  return {
    hold: (text) => ({
      toJSON() {
        held = text
        return null
      },
    }),
    fill(frame) {
      const text = held
      held = null
      if (text === null) return frame
      if (!frame.endsWith(standIn)) throw new Error('a frame of the protocol does not end with its payload')
      return `${frame.slice(0, -'null}'.length)}${text}}`
    },
  }
}
