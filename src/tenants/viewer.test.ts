import { expect, test } from 'vitest'
import { ForbiddenError, UnauthenticatedError } from '../errors.ts'
import { mintKey, newKey, scopes } from './api-key.ts'
import { anonymous, requireKey, requireScope, viewerOf } from './viewer.ts'

const key = newKey('tn_1', { name: 'A key', scopes: ['READ', 'EDIT'] }, mintKey())
const viewer = viewerOf(key)

test('a viewer is what its key says, and no secret', () => {
  expect(viewer).toEqual({
    tenantId: 'tn_1',
    keyId: key.id,
    keyName: 'A key',
    scopes: ['READ', 'EDIT'],
    expiresAt: null,
  })
})

test('each scope is asked for by itself; none includes another', () => {
  for (const scope of scopes) {
    const asked = () => requireScope(viewer, scope)
    if (key.scopes.includes(scope)) expect(asked).not.toThrow()
    else expect(asked).toThrow(new ForbiddenError(`This needs the scope ${scope}; your key has READ, EDIT.`))
  }
  expect(() => requireScope({ ...viewer, scopes: [] }, 'READ')).toThrow('your key has none.')
})

test('without a key nothing is allowed, and it is a key that is missing', () => {
  expect(() => requireKey(anonymous)).toThrow(UnauthenticatedError)
  for (const scope of scopes) expect(() => requireScope(anonymous, scope)).toThrow(UnauthenticatedError)
  expect(() => requireKey(viewer)).not.toThrow()
})
