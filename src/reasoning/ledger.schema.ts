import { builder } from '../graphql/builder.ts'
import { describedValues } from '../graphql/described-values.ts'
import type { LedgerVerification } from './ledger.service.ts'
import type { LedgerEntry, LedgerKind } from './ledger.ts'

const kindDescriptions: Record<LedgerKind, string> = {
  STORED: 'A record was stored.',
  DELETED: 'A record was deleted: its hash stays.',
}

const LedgerEntryKindRef = builder.enumType('LedgerEntryKind', {
  description: 'What an entry of the ledger says.',
  values: describedValues(kindDescriptions),
})

export const LedgerEntryRef = builder.objectRef<LedgerEntry>('LedgerEntry').implement({
  description:
    'What the ledger says of a record: it signs the hash of the content and the entry before it. A deletion is an entry ' +
    'too. Entries are never changed and never removed.',
  fields: (t) => ({
    sequence: t.exposeInt('sequence', { description: 'Its place in the ledger, counted from 1 without a gap.' }),
    kind: t.expose('kind', { type: LedgerEntryKindRef, description: 'Whether a record was stored or deleted.' }),
    reasoningId: t.exposeID('reasoningId', { description: 'The id of that record.' }),
    contentHash: t.exposeString('contentHash', {
      description: 'SHA-256 in hex of the canonical JSON (RFC 8785) of what the client stored.',
    }),
    previousHash: t.exposeString('previousHash', { description: 'The hash of the entry before; of the first, zeros.' }),
    hash: t.exposeString('hash', { description: 'SHA-256 in hex of all that the entry says.' }),
    signature: t.exposeString('signature', { description: 'Ed25519 in base64, of the same bytes.' }),
    keyId: t.exposeString('keyId', {
      description: 'The key that it is signed with: the fingerprint of its public half.',
    }),
    signedAt: t.expose('signedAt', {
      type: 'DateTime',
      description: 'When it was signed: never before the entry before it.',
    }),
  }),
})

const LedgerVerificationRef = builder.objectRef<LedgerVerification>('LedgerVerification').implement({
  description: 'Whether a page of the ledger, and the records that it tells of, are what was signed.',
  fields: (t) => ({
    valid: t.exposeBoolean('valid', { description: 'Whether everything on this page is right.' }),
    checked: t.exposeInt('checked', { description: 'How many entries were found to be right on this page.' }),
    firstInvalid: t.exposeInt('firstInvalid', {
      nullable: true,
      description:
        'The sequence of the first entry that is wrong or missing. Null: none is, or what is wrong is not an entry.',
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'What is wrong there. Null: nothing.' }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Give it as `after` to verify what follows. Null: the end was reached, or something is wrong.',
    }),
    head: t.field({
      type: LedgerEntryRef,
      nullable: true,
      description:
        'The last entry of all. Keep its sequence and hash elsewhere: they show later that the past is still the same. ' +
        'Null: there is none.',
      resolve: ({ head }) => head,
    }),
    publicKeys: t.field({
      type: 'JSON',
      description: 'The keys that the ledger is or was signed with, as JSON Web Keys: the oldest first.',
      resolve: ({ publicKeys }) => publicKeys,
    }),
  }),
})

builder.queryField('verifyLedger', (t) =>
  t.field({
    type: LedgerVerificationRef,
    extensions: { cost: 10_000 },
    description:
      "Verifies the tenant's ledger, up to a thousand entries at a time: hashes, order, signatures, and that each record is " +
      'what was signed, or was deleted with an entry that says so. Needs the scope READ.',
    args: { after: t.arg.string({ description: 'The `endCursor` of the page before; left out: from the start.' }) },
    resolve: (_, { after }, { services, viewer }) => services.ledger.verifyLedger(viewer, after),
  }),
)
