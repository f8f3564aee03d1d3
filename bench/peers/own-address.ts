import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** The address of this host that another one reaches it by: the one it would be sent something from. */
export async function ownAddressFor(host: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    // Sends nothing; the port means nothing.
    socket.connect(9, host);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}
