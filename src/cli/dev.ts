import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import { say } from './stderr.ts';

interface DevFlags {
  readonly port?: string;
  readonly state?: string;
  readonly kubeconfig?: string;
  readonly verbose?: true;
}

const MANUAL = `
Runs until Ctrl-C, on localhost only. It serves Leases, Pods, Events,
ConfigMaps, Services, ServiceAccounts and Namespaces as a real API server does,
watches included, so that leasehold, kubectl and other clients cannot tell.
Nothing runs in its Pods, nothing is scheduled, and everybody who has the
kubeconfig may do everything. It starts in a blink and needs no Docker: for
trying out leasehold, and for tests.

It prints a line for your shell. In another terminal:
  export KUBECONFIG=...                         the line that it printed
  kubectl get leases --watch
  leasehold exec demo -- sleep 30

The kubeconfig holds a token and is readable to you alone. It goes when the
server ends. An existing file is overwritten only if it is from 'leasehold dev'.

With --state everything is there again after a restart: objects and their
versions, certificate and tokens, so that with --port as well clients just go
on. The file is saved a quarter of a second after a change, and at the end. It
holds the key that makes tokens.

Examples
  leasehold dev
  leasehold dev --port 6443 --state dev.json --kubeconfig dev.kubeconfig

Exit code: 0 when ended by INT, TERM or HUP, or
  64     wrong usage
  70     leasehold itself failed
  71     the port cannot be had: it is taken, or not yours to use
  74     the state or the kubeconfig cannot be read or written
`;

export function addDevCommand(program: Command): void {
  program
    .command('dev')
    .summary('run a Kubernetes API server for development')
    .description('Runs a Kubernetes API server in this process, for development and tests.')
    .usage('[options]')
    .addOption(new Option('--port <number>', 'listen here instead of on a free port'))
    .addOption(new Option('--state <file>', 'keep everything in this file'))
    .addOption(
      new Option(
        '--kubeconfig <file>',
        'write it here instead of into the directory for temporary files',
      ),
    )
    .addOption(new Option('--verbose', 'log every request to stderr'))
    .addHelpText('after', MANUAL)
    .action(async (flags: DevFlags) => {
      process.exitCode = await serve(flags);
    });
}

/** What went wrong, as one line, and the exit code for it. */
class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

async function serve(flags: DevFlags): Promise<number> {
  try {
    await run(flags);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    return error.exitCode;
  }
}

// On its own, as the compiler leaves an import as it is in a function with `await using`.
function loadServer() {
  return Promise.all([
    import('../testing/index.ts'),
    import('../testing/api-server/state-file.ts'),
  ]);
}

async function run(flags: DevFlags): Promise<void> {
  const port = portOf(flags.port);
  const ended = signalled();
  const [{ ApiServer }, { loadState, StateFile }] = await loadServer();
  const { state: stateFile, verbose } = flags;
  const state =
    stateFile === undefined
      ? undefined
      : await loadState(stateFile).catch((error: unknown) => {
          throw fileFailure(`the state ${stateFile} cannot be read`, error);
        });
  await using server = await ApiServer.start({
    port,
    state,
    ...(verbose
      ? { onServed: ({ method, url, status }) => say(`${method} ${url} ${String(status)}`) }
      : {}),
  }).catch((error: unknown) => {
    throw portFailure(port, error);
  });
  const failed = Promise.withResolvers<never>();
  // Looked at only once the server runs.
  failed.promise.catch(() => undefined);
  const file =
    stateFile === undefined
      ? undefined
      : new StateFile(stateFile, () => server.state(), failed.reject);
  if (file) server.handler.store.subscribe(() => file.touch());
  const kubeconfig = await Kubeconfig.write(flags.kubeconfig, server.kubeconfig());
  try {
    file?.touch();
    await file?.save();
    announce(kubeconfig.file, server.url);
    await Promise.race([ended, failed.promise]);
    await server.stop();
    await file?.save();
  } catch (error) {
    throw fileFailure(`the state ${stateFile ?? ''} cannot be written`, error);
  } finally {
    await kubeconfig.remove();
  }
}

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Failure(EXIT.usage, `--port must be a number from 1 to 65535, not ${text}`);
}

function portFailure(port: number, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'EADDRINUSE') {
    return new Failure(
      EXIT.system,
      `port ${String(port)} is taken by another program; choose another, or none for any that is free`,
    );
  }
  if (code === 'EACCES') {
    return new Failure(
      EXIT.system,
      `port ${String(port)} is not yours to listen on; take one above 1023`,
    );
  }
  return error;
}

function fileFailure(what: string, error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error);
  return new Failure(EXIT.file, `${what}: ${why}`);
}

/** Resolves with the first signal that asks to end. */
function signalled(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done());
  });
}

function announce(kubeconfig: string, url: string): void {
  process.stdout.write(
    `export KUBECONFIG=${quoted(kubeconfig)}\n` +
      `# ${url} is ready; Ctrl-C ends it. In another terminal, after the line above:\n` +
      `#   leasehold exec demo -- sh -c 'kubectl get leases; sleep 30'\n`,
  );
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The file with the address and the token, for as long as the server runs. */
class Kubeconfig {
  readonly file: string;
  /** What goes with it. */
  readonly #directory: string | undefined;

  private constructor(file: string, directory: string | undefined) {
    this.file = file;
    this.#directory = directory;
  }

  static async write(wanted: string | undefined, text: string): Promise<Kubeconfig> {
    try {
      if (wanted !== undefined) {
        const file = resolve(wanted);
        await assertOurs(file);
        await writeFile(file, text, { mode: 0o600 });
        // An existing file keeps its mode otherwise.
        await chmod(file, 0o600);
        return new Kubeconfig(file, undefined);
      }
      const directory = await mkdtemp(join(tmpdir(), 'leasehold-dev-'));
      const file = join(directory, 'kubeconfig');
      await writeFile(file, text, { mode: 0o600 });
      return new Kubeconfig(file, directory);
    } catch (error) {
      throw fileFailure(`the kubeconfig ${wanted ?? ''} cannot be written`, error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.#directory ?? this.file, { recursive: true, force: true });
  }
}

/** Nobody's clusters are to be lost. */
async function assertOurs(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined && !text.includes('"current-context": "leasehold-dev"')) {
    throw new Error('it exists, and is not from leasehold dev; choose another file');
  }
}
