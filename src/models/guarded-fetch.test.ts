import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, type ModelServer, startModelServer } from '../../test/harness/model-server.ts'
import { createGuardedFetch, ForbiddenAddressError, type Resolve } from './guarded-fetch.ts'

let server: ModelServer
let answer: Answer

beforeEach(async () => {
  answer = (response) => {
    response.end('hello')
  }
  server = await startModelServer((response, request) => answer(response, request))
})
afterEach(() => server.close())

const own = createGuardedFetch({ mayBePrivate: true })
const tenant = createGuardedFetch({ mayBePrivate: false })

/** Answers with one list after the other, and counts. */
function resolver(...answers: string[][]) {
  let calls = 0
  const resolve: Resolve = async () => {
    const addresses = answers[Math.min(calls++, answers.length - 1)] ?? []
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { resolve, calls: () => calls }
}

describe('where it connects to', () => {
  test.each([
    'http://127.0.0.1',
    'http://localhost',
    'http://LOCALHOST',
    'http://localhost.',
    'http://models.localhost',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://127.1',
    'http://0',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
  ])('%s is forbidden', async (url) => {
    const { port } = new URL(server.url)
    await expect(tenant(`${url}:${port}/`)).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(server.requests).toEqual([])
  })

  test.each(['file:///etc/passwd', 'ftp://example.com', 'data:text/plain,hello', 'http://user:word@example.com'])(
    '%s is forbidden',
    async (url) => {
      await expect(own(url)).rejects.toBeInstanceOf(ForbiddenAddressError)
    },
  )

  test.each([[['127.0.0.1']], [['10.0.0.1', '8.8.8.8']], [['8.8.8.8', '::1']], [['::ffff:192.168.0.1']]])(
    'a name that leads to %s is forbidden',
    async (addresses) => {
      const fetch = createGuardedFetch({ mayBePrivate: false, resolve: resolver(addresses).resolve })
      await expect(fetch('http://models.example')).rejects.toBeInstanceOf(ForbiddenAddressError)
    },
  )

  test('the name is resolved once, and the connection is made to that answer', async () => {
    const port = new URL(server.url).port
    const twoAnswers = resolver(['127.0.0.1'], ['127.0.0.2'])
    const fetch = createGuardedFetch({ mayBePrivate: true, resolve: twoAnswers.resolve })
    const response = await fetch(`http://models.example:${port}/`)
    expect(await response.text()).toBe('hello')
    expect(twoAnswers.calls()).toBe(1)
    expect(server.requests[0]).toMatchObject({ localAddress: '127.0.0.1', headers: { host: `models.example:${port}` } })
  })

  test('a name that turns private after it was checked leads nowhere', async () => {
    const port = new URL(server.url).port
    const rebinding = resolver(['8.8.8.8'], ['127.0.0.1'])
    const aborter = new AbortController()
    // Ends with the connection being made, so that no test speaks to the internet.
    const fetch = createGuardedFetch({
      mayBePrivate: false,
      resolve: rebinding.resolve,
      onRequest: () => aborter.abort(),
    })
    await expect(fetch(`http://models.example:${port}/`, { signal: aborter.signal })).rejects.toThrow('aborted')
    expect(rebinding.calls()).toBe(1)
    expect(server.requests).toEqual([])
  })

  test('a name without an address', async () => {
    const fetch = createGuardedFetch({ mayBePrivate: true, resolve: resolver([]).resolve })
    await expect(fetch('http://models.example')).rejects.toThrow('no address')
  })

  test.each([301, 302, 303, 307, 308])('a redirect by %i is not followed', async (status) => {
    answer = (response) => {
      response.writeHead(status, { location: '/elsewhere' }).end()
    }
    await expect(own(server.url)).rejects.toBeInstanceOf(ForbiddenAddressError)
    expect(server.requests).toHaveLength(1)
    await server.requests[0]?.closed
  })
})

describe('what it brings', () => {
  test('method, headers and body of the request; status, headers and body of the answer', async () => {
    answer = (response) => {
      response.writeHead(429, { 'retry-after': '7', 'set-cookie': ['a=1', 'b=2'] }).end('slow down')
    }
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' }
    const response = await own(`${server.url}/path?q=1`, { method: 'POST', headers, body: '{"a":1}' })
    expect(server.requests[0]).toMatchObject({
      path: '/path?q=1',
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: { a: 1 },
    })
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('7')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(await response.text()).toBe('slow down')
  })

  test('the body while it comes', async () => {
    let more = () => {}
    answer = (response) => {
      response.write('one')
      more = () => response.end('two')
    }
    const reader = (await own(server.url)).body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('one')
    more()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('two')
    expect((await reader?.read())?.done).toBe(true)
  })

  test('a large body, whole, though it is read slowly', async () => {
    const size = 8 * 1024 * 1024
    answer = (response) => {
      response.end(Buffer.alloc(size, 1))
    }
    const response = await own(server.url)
    expect((await response.arrayBuffer()).byteLength).toBe(size)
  })

  test('no more than the greatest size', async () => {
    answer = (response) => {
      response.end(Buffer.alloc(100_000))
    }
    const fetch = createGuardedFetch({ mayBePrivate: true, maxBytes: 50_000 })
    const response = await fetch(server.url)
    await expect(response.arrayBuffer()).rejects.toThrow('larger than 50000 bytes')
    await server.requests[0]?.closed
  })

  test('all that came before the connection was cut, though nobody read it', async () => {
    answer = (response) => {
      for (let part = 0; part < 5; part++) response.write(`part ${part}`)
      setTimeout(() => response.destroy(), 20)
    }
    const response = await own(server.url)
    await server.requests[0]?.closed
    const texts: string[] = []
    const reading = (async () => {
      for await (const chunk of response.body ?? []) texts.push(Buffer.from(chunk).toString())
    })()
    await expect(reading).rejects.toThrow()
    expect(texts.join('')).toBe('part 0part 1part 2part 3part 4')
  })

  test('an error where the connection is cut in the body', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    }
    const response = await own(server.url)
    await expect(response.text()).rejects.toThrow()
  })

  test('an answer without a body', async () => {
    answer = (response) => {
      response.writeHead(204).end()
    }
    expect((await own(server.url)).body).toBeNull()
  })
})

describe('when it is aborted', () => {
  test('before, nothing is sent', async () => {
    await expect(own(server.url, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(server.requests).toEqual([])
  })

  test('while it waits for the head, the connection is closed', async () => {
    const aborter = new AbortController()
    answer = () => aborter.abort()
    await expect(own(server.url, { signal: aborter.signal })).rejects.toMatchObject({ name: 'AbortError' })
    await server.requests[0]?.closed
  })

  test('in the middle of the body, the connection is closed', async () => {
    answer = (response) => {
      response.write('half')
    }
    const aborter = new AbortController()
    const response = await own(server.url, { signal: aborter.signal })
    const text = response.text()
    aborter.abort()
    await expect(text).rejects.toThrow()
    await server.requests[0]?.closed
  })

  test('by its reader, the connection is closed', async () => {
    answer = (response) => {
      response.write('half')
    }
    await (await own(server.url)).body?.cancel()
    await server.requests[0]?.closed
  })
})
