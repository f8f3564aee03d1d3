import type { IncomingMessage } from 'node:http';

/** The bytes of an open watch: lines of JSON. */
export interface WatchStream {
  /** Begins to read. `onEnd` is called once, with the error unless the server ended it in order. */
  read(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void;
  /** Leaves what arrives in the kernel's buffer, so that this process does not wake up for it. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** The stream of an answer that has just begun; `close` ends its connection. */
export function watchStream(response: IncomingMessage, close: () => void): WatchStream {
  const { socket } = response;
  // Without a listener an error in the meantime would end the process; `close` tells of it too.
  response.on('error', () => undefined);
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
      response.on('data', (bytes: Buffer) => {
        if (arrived.push(bytes) === 1) setImmediate(deliver);
      });
      response.on('end', () => {
        end();
      });
      response.on('error', end);
      response.on('close', () => {
        end(new Error('the connection was closed'));
      });
      if (response.destroyed) end(new Error('the connection was closed'));
    },
    pause() {
      socket.pause();
    },
    resume() {
      socket.resume();
    },
    close,
  };
}
