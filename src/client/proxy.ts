import type { Agent } from 'node:http';
import type { AgentOptions } from 'node:https';

/** Agents that go through the `proxy-url` of a kubeconfig: http, https or socks5. */
export async function proxyAgents(
  proxyUrl: string,
  server: string,
): Promise<(options: AgentOptions) => Agent> {
  if (proxyUrl.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent');
    return (options) => new SocksProxyAgent(proxyUrl, options);
  }
  const { HttpProxyAgent, HttpsProxyAgent } = await import('hpagent');
  return server.startsWith('https:')
    ? (options) => new HttpsProxyAgent({ ...options, proxy: proxyUrl })
    : (options) => new HttpProxyAgent({ ...options, proxy: proxyUrl });
}
