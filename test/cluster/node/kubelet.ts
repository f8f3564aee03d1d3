import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServingCertificate } from '../certificates.ts';
import type { Cgroups } from './cgroups.ts';
import type { Containerd } from './containerd.ts';
import type { ControlPlane } from './controlPlane.ts';
import type { Machine, MachineProcess } from './machine.ts';

export interface KubeletOptions {
  readonly machine: Machine;
  readonly binary: string;
  readonly controlPlane: ControlPlane;
  readonly containerd: Containerd;
  readonly cgroups: Cgroups;
  readonly nodeName: string;
  readonly directory: string;
}

/** Starts the kubelet. The node is there, and ready, some seconds later. */
export async function startKubelet(options: KubeletOptions): Promise<MachineProcess> {
  const { machine, binary, controlPlane, nodeName } = options;
  const directory = join(options.directory, 'kubelet');
  await mkdir(directory);
  const { certificate, key } = await createServingCertificate(controlPlane.authority, [
    nodeName,
    machine.address,
  ]);
  const path = (name: string): string => join(directory, name);
  const kubeconfig = await controlPlane.writeKubeconfig(`system:node:${nodeName}`, [
    'system:nodes',
  ]);
  await Promise.all([
    writeFile(path('serving.crt'), certificate),
    writeFile(path('serving.key'), key, { mode: 0o600 }),
    writeFile(path('authority.crt'), controlPlane.authority.certificate),
    // Pods resolve no names: nothing that is tested needs it.
    writeFile(path('resolv.conf'), 'nameserver 127.0.0.1\n'),
    // JSON is YAML.
    writeFile(path('kubelet.yaml'), JSON.stringify(configurationOf(options, path))),
  ]);
  return machine.startInside({
    command: binary,
    arguments: [
      `--config=${path('kubelet.yaml')}`,
      `--kubeconfig=${kubeconfig}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${machine.address}`,
      `--root-dir=${path('root')}`,
      `--cert-dir=${path('certificates')}`,
    ],
    logPath: join(options.directory, 'kubelet.log'),
  });
}

function configurationOf(
  { containerd, cgroups }: KubeletOptions,
  path: (name: string) => string,
): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '0.0.0.0',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path('authority.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: path('serving.crt'),
    tlsPrivateKeyFile: path('serving.key'),
    containerRuntimeEndpoint: `unix://${containerd.socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroups.path,
    failCgroupV1: false,
    failSwapOn: false,
    resolvConf: path('resolv.conf'),
    podLogsDir: path('logs'),
    volumePluginDir: path('plugins'),
    // The disk is the host's: how full it is must not evict anybody.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
    },
  };
}
