import { Program, eventually } from '../cli/program.ts';

/**
 * Starts a replica of the operator that looks after one namespace, and waits until it hears what kubelets
 * report there: an end counts at once only for who hears it then.
 *
 * @returns also where its probes and metrics are
 */
export async function startSyncedOperator(
  namespace: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ program: Program; url: string }> {
  const program = Program.start(
    ['operator', '-n', namespace, '--election-namespace', namespace, '--port', '0'],
    environment,
  );
  const [, port = ''] = await program.printed(/"event":"started","port":(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  await eventually('a replica that is synced', async () => {
    return (await fetch(`${url}/readyz`)).status === 200;
  });
  return { program, url };
}
