import type { Readable } from 'node:stream';

const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** All bytes of an answer; an Error when it broke off or is too large. */
export function readBody(answer: Readable): Promise<Buffer | Error> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST_ANSWER_BYTES) answer.destroy(new Error('the answer is too large'));
    });
    answer.on('error', resolve);
    answer.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
    answer.on('close', () => {
      resolve(new Error('the connection was closed during the answer'));
    });
  });
}
