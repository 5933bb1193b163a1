// Metrics of a whole envelope judged by the parser with which Prometheus scrapes, and by the linter of its client library: `metrics/main.go`.
// Needs Go, and its module proxy or cache; without Go it fails. What the judge accepts is worth something because it refuses what is broken.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startRunning, startUpstream } from '../envelope/running.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sealwright-metrics-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const program = join(scratch, 'judge');

before(() => {
  const { error, status, stderr } = spawnSync('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    cwd: join(import.meta.dirname, 'metrics'),
    // The Go that is installed, or a clear refusal: never one that is downloaded for the occasion.
    env: { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new Error(
      '`go` is not installed: the judge of the metrics is a Go program. Install the Go that test/services/metrics/go.mod names.',
    );
  assert.ok(error === undefined && status === 0, `the judge could not be built: ${error?.message ?? stderr}`);
});

const judge = (exposition: string, mediaType: string) => {
  const { status, stdout, stderr } = spawnSync(program, [mediaType], { input: exposition, encoding: 'utf8' });
  return { status, stderr, samples: stdout.split('\n').filter(Boolean) };
};

const valueOf = (samples: readonly string[], series: string): string | undefined =>
  samples.find((sample) => sample.startsWith(`{__name__="${series}`))?.split('} ')[1];

test('G-OPERATE-1: Prometheus reads the metrics in both formats, and its linter finds nothing', async (t) => {
  const upstream = await startUpstream((_message, _body, response) => response.end('{}'));
  t.after(() => upstream.close());
  const running = await startRunning(upstream.url);
  t.after(async () => {
    await running.stop();
    running.remove();
  });
  const { credential } = await running.open();
  for (const model of ['pinned-1', 'forbidden-1']) {
    const response = await fetch(`${running.envelope.doors.model}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': credential, 'content-type': 'application/json' },
      body: JSON.stringify({ model, max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    await response.text();
  }
  const scraped = async (accept: string) => {
    const response = await fetch(`${running.envelope.doors.admin}/metrics`, { headers: { accept } });
    return { text: await response.text(), type: response.headers.get('content-type') ?? '' };
  };
  const asPrometheusAsks = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const [openmetrics, text] = [await scraped(asPrometheusAsks), await scraped('text/plain')];
  assert.match(openmetrics.type, /^application\/openmetrics-text; version=1\.0\.0/);
  for (const { text: exposition, type } of [openmetrics, text]) {
    const { status, stderr, samples } = judge(exposition, type);
    assert.equal(status, 0, stderr);
    assert.ok(samples.length > 150, `${samples.length} samples`);
    assert.equal(valueOf(samples, 'sealwright_denials_total", denial="model_not_permitted"'), '1');
    assert.equal(valueOf(samples, 'sealwright_request_duration_seconds_bucket", action="model_request", le="+Inf"'), '2');
    const broken = exposition.replace('\nsealwright_ready 1\n', '\nsealwright_ready one\n');
    assert.equal(judge(broken, type).status, 1, 'a value that is no number');
    const doubled = exposition.replace('\nsealwright_ready 1\n', '\nsealwright_ready 1\nsealwright_ready 1\n');
    assert.equal(judge(doubled, type).status, 1, 'a sample twice');
  }
  assert.equal(judge(openmetrics.text.replace('# EOF\n', ''), openmetrics.type).status, 1, 'no end');
  assert.equal(judge(text.text.replaceAll('sealwright_denials_total', 'sealwright_denials'), text.type).status, 1, 'the linter looks');
});
