// Repositories that run something of their own when a person, or a careless program, asks git in them; and what an agent may plant so that it happens later.
// Each as scripts of `sh` in the workspace, with `$MARK` for a file outside of it: where that appears, something of the workspace ran.

export interface Hostile {
  readonly name: string;
  /** Before the run. */
  readonly before?: string;
  /** What the agent does; it runs no git, so that what it plants runs for the person. */
  readonly agent: string;
  /** What the person does later; null where that takes a program that is not here. */
  readonly later: string | null;
  /** What the list of what runs later must name. */
  readonly listed: readonly string[];
}

const written = (path: string, ...lines: readonly string[]): string => `cat >> ${path} <<END\n${lines.join('\n')}
END\n`;

/** A program at a path, that leaves the mark. */
const program = (path: string): string => `${written(path, '#!/bin/sh', 'touch $MARK', 'cat 2>/dev/null')}chmod +x ${path}
`;
const setting = (file: string, section: string, key: string, value: string): string => written(file, `[${section}]`, `${key} = ${value}`);
const fsmonitor = (file: string): string => setting(file, 'core', 'fsmonitor', '"touch $MARK; false"');
const status = 'git status';
const show = 'git -c core.pager=cat diff';

/** A folder that git takes for a repository, written without git. */
const made = (folder: string): string =>
  `mkdir -p ${folder}/objects ${folder}/refs; echo ref: refs/heads/main > ${folder}/HEAD; printf '[core]\\n\\trepositoryformatversion = 0\\n' > ${folder}/config`;

/** Runs as soon as git is asked anything; nothing of these may run by `run` itself. */
export const laid: readonly Omit<Hostile, 'agent' | 'listed'>[] = [
  { name: 'a file system monitor', before: fsmonitor('.git/config'), later: status },
  {
    name: 'a hook of the index',
    before: `${program('.git/hooks/post-index-change')}
touch -d 2001-01-01 tracked`,
    later: status,
  },
  {
    name: 'a filter that cleans',
    before: `${program('clean.sh')}
echo '* filter=f' > .gitattributes
${setting('.git/config', 'filter "f"', 'clean', './clean.sh')}
echo other > tracked`,
    later: status,
  },
  {
    name: 'a text form of what is compared',
    before: `${program('text.sh')}
echo '* diff=d' > .git/info/attributes
${setting('.git/config', 'diff "d"', 'textconv', './text.sh')}
echo other > tracked`,
    later: show,
  },
  {
    name: 'a program that compares',
    before: `${program('compare.sh')}
${setting('.git/config', 'diff', 'external', './compare.sh')}
echo other > tracked`,
    later: show,
  },
  { name: 'an alias in place of a word', before: setting('.git/config', 'alias', 'st', '!touch $MARK'), later: 'git st' },
  {
    name: 'settings that others include',
    before: `${fsmonitor('more.config')}
${setting('.git/config', 'include', 'path', '../more.config')}`,
    later: status,
  },
  {
    name: 'a work tree that is elsewhere',
    before: `mkdir -p ../elsewhere
${setting('.git/config', 'core', 'worktree', '../../elsewhere')}
${fsmonitor('.git/config')}`,
    later: status,
  },
  {
    name: 'a .git that is a file',
    before: `mv .git ../outside; echo "gitdir: $(cd ..; pwd)/outside" > .git
${fsmonitor('../outside/config')}`,
    later: status,
  },
  {
    name: 'a .git that is a link',
    before: `mv .git ../linked; ln -s ../linked .git
${fsmonitor('../linked/config')}`,
    later: status,
  },
  {
    name: 'a folder of objects that is elsewhere',
    before: `mv .git ../common; mkdir -p .git; cp ../common/HEAD .git; echo ../../common > .git/commondir
${fsmonitor('../common/config')}`,
    later: status,
  },
  {
    name: 'a repository inside of it',
    before: `${made('sub/.git')}
${fsmonitor('sub/.git/config')}`,
    later: `cd sub
${status}`,
  },
  {
    name: 'settings of a work tree',
    before: `${setting('.git/config', 'extensions', 'worktreeConfig', 'true')}
${fsmonitor('.git/config.worktree')}`,
    later: status,
  },
];

/** What an agent plants; each must be in the list behind the run. */
export const planted: readonly Hostile[] = [
  {
    name: 'a hook',
    agent: program('.git/hooks/post-index-change'),
    later: `touch -d 2001-01-01 tracked
${status}`,
    listed: ['.git/hooks/post-index-change'],
  },
  { name: 'a setting', agent: fsmonitor('.git/config'), later: status, listed: ['.git/config'] },
  {
    name: 'a folder of objects that is elsewhere',
    agent: `${made('evil')}
${fsmonitor('evil/config')}
cp .git/HEAD evil/HEAD; echo ../evil > .git/commondir`,
    later: status,
    listed: ['.git/commondir'],
  },
  {
    name: 'a repository inside of it',
    agent: `${made('sub/.git')}
${fsmonitor('sub/.git/config')}`,
    later: `cd sub
${status}`,
    listed: ['sub/.git/config'],
  },
  {
    name: 'a repository inside of it, below a name that is no text',
    agent: `d=$(printf '\\377'); mkdir "$d"; cd "$d"
${made('.git')}
${fsmonitor('.git/config')}`,
    later: `cd "$(printf '\\377')"; ${status}`,
    listed: ['\uFFFD/.git/config'],
  },
  {
    name: 'a hook of a repository inside of it',
    before: made('sub/.git'),
    agent: `mkdir -p sub/.git/hooks
${program('sub/.git/hooks/pre-commit')}`,
    later: 'cd sub; git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m x',
    listed: ['sub/.git/hooks/pre-commit'],
  },
  {
    name: 'a .git file below',
    agent: `${made('odd')}
${fsmonitor('odd/config')}
mkdir sub; echo 'gitdir: ../odd' > sub/.git`,
    later: `cd sub
${status}`,
    listed: ['sub/.git'],
  },
  {
    name: 'a .git that is now a file',
    agent: `mv .git kept
${fsmonitor('kept/config')}
echo 'gitdir: kept' > .git`,
    later: status,
    listed: ['.git'],
  },
  {
    name: 'a .git file that names another folder',
    before:
      'mkdir ../main; mv .git ../main/.git; (cd ../main; git worktree add -q --detach ../linked; git config core.bare false); rm -rf tracked; cp -r ../linked/. .; echo "$PWD/.git" > ../main/.git/worktrees/linked/gitdir',
    agent: `${made('evil')}
${fsmonitor('evil/config')}
echo 'gitdir: evil' > .git`,
    later: status,
    listed: ['.git'],
  },
  {
    name: 'a .git that is now a link',
    agent: `mv .git kept; ln -s kept .git
${fsmonitor('kept/config')}`,
    later: status,
    listed: ['.git', '.git/config'],
  },
  {
    name: 'settings behind a link that was there',
    before: 'mv .git kept; ln -s kept .git',
    agent: fsmonitor('kept/config'),
    later: status,
    listed: ['.git/config'],
  },
  {
    name: 'a folder that looks like a repository',
    agent: `${made('store')}
${fsmonitor('store/config')}
${setting('store/config', 'core', 'bare', 'false')}
${setting('store/config', 'core', 'worktree', '.')}`,
    later: `cd store
${status}`,
    listed: ['store/config'],
  },
  {
    name: 'a module',
    before: `${made('.git/modules/m')}
mkdir m; echo 'gitdir: ../.git/modules/m' > m/.git
${setting('.git/modules/m/config', 'core', 'worktree', '../../../m')}`,
    agent: fsmonitor('.git/modules/m/config'),
    later: `cd m
${status}`,
    listed: ['.git/modules/m/config'],
  },
  {
    name: 'a hook where the settings say that they lie',
    before: `mkdir checks
${setting('.git/config', 'core', 'hooksPath', 'checks')}`,
    agent: program('checks/post-index-change'),
    later: `touch -d 2001-01-01 tracked
${status}`,
    listed: ['checks/post-index-change'],
  },
  {
    name: 'a file that the settings include',
    before: `touch more
${setting('.git/config', 'include', 'path', '../more')}`,
    agent: fsmonitor('more'),
    later: status,
    listed: ['more'],
  },
  {
    name: 'a program that the settings name',
    before: `touch clean; chmod +x clean; echo '* filter=f' > .gitattributes
${setting('.git/config', 'filter "f"', 'clean', './clean')}`,
    agent: `${program('clean')}
echo other > tracked`,
    later: status,
    listed: ['clean'],
  },
  {
    name: 'what a hook is a link to',
    before: 'mkdir tools; touch tools/check; chmod +x tools/check; ln -s ../../tools/check .git/hooks/post-index-change',
    agent: program('tools/check'),
    later: `touch -d 2001-01-01 tracked
${status}`,
    listed: ['.git/hooks/post-index-change'],
  },
  {
    name: 'a folder that cannot be listed',
    agent: 'mkdir .vscode; echo {} > .vscode/tasks.json; chmod 0311 .vscode',
    later: null,
    listed: ['.vscode'],
  },
  {
    name: 'hooks that cannot be listed',
    agent: `${program('.git/hooks/post-index-change')}
chmod 0311 .git/hooks`,
    later: `touch -d 2001-01-01 tracked
${status}`,
    listed: ['.git/hooks'],
  },
  {
    name: 'behind more files than a list holds',
    agent:
      'mkdir a; i=0; while [ $i -lt 5000 ]; do : > a/$i; i=$((i+1)); done; echo run: > z.sh; mkdir .vscode; echo {} > .vscode/tasks.json',
    later: null,
    listed: ['.vscode/tasks.json'],
  },
  {
    name: 'behind many of another kind',
    agent: 'i=0; while [ $i -lt 300 ]; do mkdir a$i; : > a$i/.envrc; i=$((i+1)); done; : > Makefile',
    later: null,
    listed: ['Makefile'],
  },
  {
    name: 'names in capitals',
    agent: 'mkdir .VSCode; : > .VSCode/Tasks.json; : > MAKEFILE',
    later: null,
    listed: ['.VSCode/Tasks.json', 'MAKEFILE'],
  },
];
