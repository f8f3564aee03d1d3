import { readFileSync } from 'node:fs';
import type { AgentOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { isFields, messageOf, problem, readKubeconfig, text } from './kubeconfig-file.ts';
import type { Fields, KubeconfigContext } from './kubeconfig-file.ts';
import { proxyAgents } from './proxy.ts';

/** Token files are read again after this time; at once when the token was refused. */
const TOKEN_READ_EVERY_MS = 30_000;

export interface KubeconfigChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/**
 * Access by a kubeconfig: certificates, tokens, token files, passwords, impersonation and proxies
 * are read here, and exec plugins and auth providers as `@kubernetes/client-node` does it, which
 * takes a third of a second and 90 MiB to load.
 *
 * @throws LeaseholdError `CONFIGURATION` when there is none, or it cannot be read
 */
export async function kubeconfigAccess(
  choice: KubeconfigChoice,
  clock: Clock,
): Promise<ClusterAccess> {
  const config = readKubeconfig(choice.kubeconfig, choice.context);
  const { source, cluster, user } = config;
  const server = text(cluster, 'server') ?? '';
  if (!URL.canParse(server) || !/^https?:/.test(server)) {
    throw problem(source, `server ${server} is not an http or https address`);
  }
  const usesPlugin = isFields(user.exec) || isFields(user['auth-provider']);
  const { tls, authorization } = usesPlugin
    ? await (await import('./kubeconfig-plugin.ts')).pluginCredentials(config, clock)
    : { tls: {}, authorization: ownCredentials(config, clock) };
  const proxyUrl = text(cluster, 'proxy-url');
  const makeAgent = proxyUrl === undefined ? undefined : await proxyAgents(proxyUrl, server);
  return {
    server,
    namespace: config.namespace ?? 'default',
    source: `${source}, context ${config.context}`,
    tls: { ...tlsOf(config), ...tls },
    headers: impersonation(user),
    ...(makeAgent ? { agent: makeAgent } : {}),
    authorization,
  };
}

/** @throws LeaseholdError `CONFIGURATION` when a file or its contents cannot be read */
function tlsOf({ source, cluster, user }: KubeconfigContext): AgentOptions {
  const options: AgentOptions = {};
  const ca = pem(source, cluster, 'certificate-authority');
  const cert = pem(source, user, 'client-certificate');
  const key = pem(source, user, 'client-key');
  const servername = text(cluster, 'tls-server-name');
  if (ca) options.ca = ca;
  if (cert) options.cert = cert;
  if (key) options.key = key;
  if (servername !== undefined) options.servername = servername;
  if (cluster['insecure-skip-tls-verify'] === true) options.rejectUnauthorized = false;
  try {
    // What is wrong with them is said here, and not at the first request.
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw problem(
      source,
      `the client certificate or its key cannot be used: ${messageOf(error)}`,
      error,
    );
  }
  return options;
}

/** The contents of `<key>-data`, or of the file that `<key>` names. */
function pem(source: string, fields: Fields, key: string): Buffer | undefined {
  const data = text(fields, `${key}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const path = text(fields, key);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw problem(source, `${key}: ${messageOf(error)}`, error);
  }
}

function ownCredentials(
  { source, user }: KubeconfigContext,
  clock: Clock,
): ClusterAccess['authorization'] {
  const file = text(user, 'tokenFile');
  if (file !== undefined) return tokenFile(source, file, clock);
  const token = text(user, 'token');
  const name = text(user, 'username');
  const basic = `${name ?? ''}:${text(user, 'password') ?? ''}`;
  const header =
    token !== undefined
      ? `Bearer ${token.trim()}`
      : name !== undefined
        ? `Basic ${Buffer.from(basic).toString('base64')}`
        : undefined;
  return () => header;
}

function tokenFile(source: string, file: string, clock: Clock): ClusterAccess['authorization'] {
  const read = (): string => readFileSync(file, 'utf8').trim();
  let token: string;
  try {
    token = read();
  } catch (error) {
    throw problem(source, `tokenFile: ${messageOf(error)}`, error);
  }
  let readAt = clock.now();
  return (refused) => {
    if (refused || clock.now() - readAt > TOKEN_READ_EVERY_MS) {
      readAt = clock.now();
      try {
        token = read();
      } catch {
        // It is being replaced: the last one may still do.
      }
    }
    return `Bearer ${token}`;
  };
}

/** The headers that ask the API server to act as somebody else. */
function impersonation(user: Fields): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const name = text(user, 'as');
  const uid = text(user, 'as-uid');
  const groups = texts(user['as-groups']);
  if (name !== undefined) headers['impersonate-user'] = name;
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  if (groups.length > 0) headers['impersonate-group'] = groups;
  const extra = user['as-user-extra'];
  for (const [key, values] of Object.entries(isFields(extra) ? extra : {})) {
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = texts(values);
  }
  return headers;
}

function texts(values: unknown): string[] {
  if (!Array.isArray(values)) return [];
  return values.filter((value): value is string => typeof value === 'string');
}
