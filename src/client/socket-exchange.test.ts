import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { askSocket } from './socket-exchange.ts';
import type { SocketQuestion } from './socket-exchange.ts';

const question: SocketQuestion = { method: 'GET', path: '/status', headers: {}, body: null, sent: undefined };

/** A socket where each piece of `answer` is written by itself; `asked` gives what came. */
const answering = async (t: TestContext, answer: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'sw-'));
  let asked = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const reply = async (): Promise<void> => {
      for (const piece of answer) await new Promise((resolve) => socket.write(piece, () => setTimeout(resolve, 2)));
      socket.end();
    };
    socket.on('data', (chunk) => {
      asked += chunk.toString('latin1');
      if (asked.includes('\r\n\r\n')) void reply();
    });
  });
  const path = join(folder, 's');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { path, asked: () => asked };
};

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

test('an answer is whole however it is cut, with a length and in pieces', async (t) => {
  const long = `${head}Content-Length: 5\r\n\r\nhello`;
  const pieces = `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`;
  for (const text of [[long], long.split(''), [pieces], pieces.split('')]) {
    const { path } = await answering(t, text);
    const { status, body } = await askSocket(path, question, 1_000).answer;
    assert.deepEqual([status, body.toString()], [200, 'hello']);
  }
});

test('it asks with what it was given, and says when all of it was taken', async (t) => {
  const { path, asked } = await answering(t, ['HTTP/1.1 204 No Content\r\n\r\n']);
  let sent = 0;
  const body = Buffer.from('{"é":1}');
  const asking: SocketQuestion = { method: 'POST', path: '/x', headers: { authorization: 'Bearer a' }, body, sent: () => (sent += 1) };
  const { status } = await askSocket(path, asking, 1_000).answer;
  assert.deepEqual([status, sent], [204, 1]);
  const fields = 'authorization: Bearer a\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 8';
  assert.equal(asked(), `POST /x HTTP/1.1\r\n${fields}\r\n\r\n${body.toString('latin1')}`);
});

test('what is no whole answer of one meaning is refused', async (t) => {
  for (const text of [
    '',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    `${head}\r\nhello`,
    `${head}Content-Length: 6\r\n\r\nhello`,
    `${head}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    `${head}Content-Length: -1\r\n\r\n`,
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello`,
    `${head}Transfer-Encoding: gzip\r\n\r\nhello`,
    `${head}Transfer-Encoding: chunked\r\n\r\nx\r\nhe\r\n`,
    `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n`,
    `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  ]) {
    const { path } = await answering(t, text === '' ? [] : [text]);
    await assert.rejects(askSocket(path, question, 1_000).answer, Error, text);
  }
});

test('an answer past its bound, one that is given up, and nobody there are errors', async (t) => {
  const { path } = await answering(t, [`${head}Content-Length: 500\r\n\r\n`, 'x'.repeat(500)]);
  await assert.rejects(askSocket(path, question, 200).answer, /an answer of more than 200 bytes/);
  const { answer, giveUp } = askSocket(path, question, 1_000);
  giveUp(new Error('given up'));
  await assert.rejects(answer, /given up/);
  await assert.rejects(askSocket(`${path}-none`, question, 1_000).answer, { code: 'ENOENT' });
});

test('nothing that is asked with can add a line', async () => {
  for (const broken of [{ path: '/a\r\nx: y' }, { path: '/a\nx' }, { path: '/é' }, { headers: { authorization: 'a\r\nb: c' } }])
    await assert.rejects(askSocket('/nowhere', { ...question, ...broken }, 1_000).answer, /a character that no header field may have/);
});
