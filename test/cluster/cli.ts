import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findBinaries, findElector } from './binaries.ts';
import { ClusterUnavailableError } from './errors.ts';
import { findNodeBinaries } from './node/binaries.ts';
import { startNode } from './node/node.ts';
import { startCluster } from './server.ts';
import { sharedClusterVariable } from './shared.ts';

const usage = `Usage: npm run cluster -- [--node] [--port <port>] [--build-only]

Starts a Kubernetes API server for development and runs until Ctrl-C.

  --node         a node, too, that runs Pods: Linux and root only
  --port <port>  listen here instead of on a free port
  --build-only   only make sure that the binaries exist
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      node: { type: 'boolean' },
      port: { type: 'string' },
      'build-only': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  if (values['build-only'] === true) {
    const { apiServer, etcd } = await findBinaries();
    const node = values.node === true ? await findNodeBinaries() : {};
    const programs = { apiServer, etcd, elector: await findElector(), ...node };
    process.stdout.write(`${Object.values(programs).join('\n')}\n`);
    return;
  }
  const options = values.port === undefined ? {} : { port: parsePort(values.port) };
  await (values.node === true ? runNode(options) : runCluster(options));
}

async function runNode(options: { readonly port?: number }): Promise<void> {
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const node = await startNode(options);
  const { kubeconfigPath, url } = node.cluster;
  process.stdout.write(
    `export KUBECONFIG=${kubeconfigPath}\n` +
      `# ${url} is ready, and so is a node; logs are in ${node.directory}\n` +
      `# run your Pods: kubectl get nodes; press Ctrl-C to stop\n`,
  );
  await interrupted;
  await node.stop();
}

async function runCluster(options: { readonly port?: number }): Promise<void> {
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const cluster = await startCluster(options);
  process.stdout.write(
    `export KUBECONFIG=${cluster.kubeconfigPath}\n` +
      `export ${sharedClusterVariable}=${join(cluster.directory, 'connection.json')}\n` +
      `# ${cluster.url} is ready, logs are in ${cluster.directory}; press Ctrl-C to stop\n`,
  );
  await interrupted;
  await cluster.stop();
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TypeError(`--port must be a number from 1 to 65535, not ${JSON.stringify(text)}`);
  }
  return port;
}

try {
  await main();
} catch (error) {
  const expected = error instanceof ClusterUnavailableError || error instanceof TypeError;
  process.stderr.write(`${expected ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}
