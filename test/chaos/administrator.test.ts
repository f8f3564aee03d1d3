import { describe, expect, test } from 'vitest';
import type { ApiClient, ApiResponse, Method } from '../cluster/client.ts';
import { Administrator } from './administrator.ts';
import { SeededRandom } from './random.ts';

const lock = {
  metadata: {
    name: 'a',
    resourceVersion: '10',
    labels: { 'leasehold.dev/role': 'lock' },
    annotations: { 'holder.leasehold.dev/x': '{}' },
  },
};

/** Answers each list with the next of these versions, and every write in the same way. */
function administrator(
  versions: readonly string[],
  write: () => Promise<ApiResponse<unknown>>,
): Administrator {
  const lists = versions.map((resourceVersion) => ({
    ...{ metadata: { resourceVersion }, items: [lock] },
  }));
  const client: Pick<ApiClient, 'expect' | 'request'> = {
    expect: <T>(method: Method) => {
      const list: unknown = lists.shift();
      if (method !== 'GET' || !list) return Promise.reject(new Error('the server is away'));
      return Promise.resolve(list as T);
    },
    request: <T>() => write() as Promise<ApiResponse<T>>,
  };
  return new Administrator(client, 'default', new SeededRandom(1));
}

function answer(status: number, body: unknown = {}): () => Promise<ApiResponse<unknown>> {
  return () => Promise.resolve({ status, headers: {}, body });
}

describe('an edit by hand', () => {
  test('says in which version it was stored, if the answer tells', async () => {
    const patched = answer(200, { metadata: { resourceVersion: '17' } });
    expect(await administrator(['12'], patched).strike('holders')).toMatchObject({
      ...{ target: 'a', version: { first: 17n, last: 17n } },
    });
  });

  test('or between which versions, of a deletion', async () => {
    expect(await administrator(['12', '19'], answer(200)).remove('lock')).toMatchObject({
      ...{ target: 'a', version: { first: 12n, last: 19n } },
    });
    const away = await administrator(['12'], answer(200)).remove('lock');
    expect(away?.target).toBe('a');
    expect(away?.version).toBeUndefined();
  });

  test.each([500, 503, 504])('counts as done when the server answers %i', async (status) => {
    const struck = await administrator(['12'], answer(status)).strike('holders');
    expect(struck).toMatchObject({ target: 'a' });
    expect(struck?.version).toBeUndefined();
    expect(await administrator(['12'], answer(status)).remove('lock')).toBeDefined();
  });

  test('counts as done when there is no answer', async () => {
    const lost = (): Promise<never> => Promise.reject(new Error('socket hang up'));
    expect(await administrator(['12'], lost).remove('lock')).toBeDefined();
  });

  test.each([404, 409, 429])('was not done when the server answers %i', async (status) => {
    expect(await administrator(['12'], answer(status)).remove('lock')).toBeUndefined();
  });
});
