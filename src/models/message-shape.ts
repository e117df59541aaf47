/** The message, or a part of it, is in no shape that is known or that can be sent. The text follows "messages[3] ". */
export class MessageShapeError extends Error {}
