/**
 * Checks that what the docs point to is there: files and headings that they link to, paths, scripts of
 * npm and modules that they name, and the pages of docs/ that code names.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...globSync('{docs,examples}/**/*.md'),
].filter(
  // Made from the code, by `npm run reference`.
  (page) => !page.startsWith(join('docs', 'reference')),
);
const CODE = globSync('{src,test,bench,demo,examples,scripts}/**/*.ts');
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
};

const texts = new Map(PAGES.map((page) => [page, readFileSync(page, 'utf8')]));
const anchors = new Map([...texts].map(([page, text]) => [page, anchorsOf(text)]));
const wrong: string[] = [];
let count = 0;

for (const [page, text] of texts) {
  for (const [, target = ''] of withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    check(page, `the file ${target}`, existsSync(file));
    if (anchor !== undefined) {
      check(page, `the heading ${target}`, anchors.get(file)?.has(anchor) ?? false);
    }
  }
  // Such as `test/guard`, in text and in commands.
  for (const [path] of text.matchAll(
    /(?<![\w./-])(src|test|bench|scripts|docs|examples)\/[\w./-]*\w/g,
  )) {
    check(page, path, existsSync(path));
  }
  // Such as [`core/settle`]: where it is in src/.
  for (const [, modules = ''] of text.matchAll(/\[(`[a-z/-]+`(?:, `[a-z/-]+`)*)\](?!\()/g)) {
    for (const [, name = ''] of modules.matchAll(/`([^`]+)`/g)) {
      const path = join('src', name);
      check(page, path, existsSync(path) || existsSync(`${path}.ts`));
    }
  }
  for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g)) {
    check(page, `npm run ${script}`, script in scripts);
  }
}
for (const file of CODE) {
  for (const [path] of readFileSync(file, 'utf8').matchAll(/\bdocs\/[\w/-]+\.md/g)) {
    check(file, path, existsSync(path));
  }
}

for (const line of wrong) console.error(line);
console.log(`${String(count)} references of the docs checked`);
process.exitCode = wrong.length === 0 ? 0 : 1;

function check(where: string, what: string, isThere: boolean): void {
  count += 1;
  if (!isThere) wrong.push(`${where} names ${what}, which is not there`);
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = words.replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let again = 1; found.has(anchor); again += 1) anchor = `${slug}-${String(again)}`;
    found.add(anchor);
  }
  return found;
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}
