import type { Readable } from 'node:stream';

/** The bytes of an open watch: lines of JSON. */
export interface WatchStream {
  /** Begins to read. `onEnd` is called once, with the error unless the server ended it in order. */
  read(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void;
  /** Leaves what arrives in a buffer below, if possible so that this process does not wake up. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** The stream of an answer that has just begun. */
export function watchStream(
  answer: Readable,
  /** What to stop reading during a pause. */
  source: { pause(): unknown; resume(): unknown },
  /** Ends the answer. */
  close: () => void,
): WatchStream {
  // Without a listener an error in the meantime would end the process; `close` tells of it too.
  answer.on('error', () => undefined);
  return {
    read(onBytes, onEnd) {
      let arrived: Buffer[] = [];
      let over = false;
      const deliver = (): void => {
        if (over || arrived.length === 0) return;
        const bytes = Buffer.concat(arrived);
        arrived = [];
        onBytes(bytes);
      };
      const end = (error?: Error): void => {
        deliver();
        if (over) return;
        over = true;
        onEnd(error);
      };
      // TLS hands over one event at a time: wait until all that has arrived is there, so that of a
      // hundred events only the last is looked at. By then Node has asked the socket for more, which
      // would undo a pause.
      answer.on('data', (bytes: Buffer) => {
        if (arrived.push(bytes) === 1) setImmediate(deliver);
      });
      answer.on('end', () => {
        end();
      });
      answer.on('error', end);
      answer.on('close', () => {
        end(new Error('the connection was closed'));
      });
      if (answer.destroyed) end(new Error('the connection was closed'));
    },
    pause() {
      source.pause();
    },
    resume() {
      source.resume();
    },
    close,
  };
}
