import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the connection data of the embedded API server are, from vitest's main process on. */
export const embeddedConnectionPath = join(
  tmpdir(),
  `leasehold-embedded-${String(process.pid)}`,
  'connection.json',
);
