import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './command.ts';

/** What every Pod begins with; the node gets it before its first Pod. */
export const PAUSE_IMAGE = 'leasehold.test/pause:1';

/**
 * Writes the image of one static program as an archive that containerd imports: simple enough for a
 * node to need no builder.
 */
export async function writePauseImage(program: string, archive: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-pause-'));
  try {
    await copyFile(program, join(directory, 'pause'));
    const layer = join(directory, 'layer.tar');
    await pack(layer, directory, 'pause');
    const image = join(directory, 'image');
    await mkdir(join(image, 'blobs/sha256'), { recursive: true });
    const put = (content: Buffer): Promise<Descriptor> => putBlob(image, content);

    const { digest, size } = await put(await readFile(layer));
    const configuration = await put(
      json({
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config: { Entrypoint: ['/pause'], User: '65535:65535' },
        rootfs: { type: 'layers', diff_ids: [digest] },
      }),
    );
    const manifest = await put(
      json({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...configuration },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size }],
      }),
    );
    const annotations = { 'io.containerd.image.name': PAUSE_IMAGE };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    await writeFile(
      join(image, 'index.json'),
      json({ schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] }),
    );
    await writeFile(join(image, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
    await pack(archive, image, '.');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

async function putBlob(image: string, content: Buffer): Promise<Descriptor> {
  const hash = createHash('sha256').update(content).digest('hex');
  await writeFile(join(image, 'blobs/sha256', hash), content);
  return { digest: `sha256:${hash}`, size: content.length };
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

async function pack(archive: string, directory: string, name: string): Promise<void> {
  await runCommand('tar', '--create', '--file', archive, '--directory', directory, name);
}
