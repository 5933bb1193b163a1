// nginx as a contender, as the system has it: one worker, connections to the upstream kept, answers passed on as they come, since streams must be.
// Plain it keeps no log; with one it writes a line for each request, unsynced: it has no way to make a line durable before it answers.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, vendorWays } from './contender.ts';
import { startProgram } from './started.ts';

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? null;

const configOf = (folder: string, port: number, upstreamPort: number, withLog: boolean): string => `
user root;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
  access_log ${withLog ? `${folder}/access.log combined` : 'off'};
  client_body_temp_path ${folder}/temporary;
  proxy_temp_path ${folder}/temporary;
  fastcgi_temp_path ${folder}/temporary;
  uwsgi_temp_path ${folder}/temporary;
  scgi_temp_path ${folder}/temporary;
  client_max_body_size 32m;
  client_body_buffer_size 512k;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  upstream model { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;

export const startNginx = async (upstreamPort: number, withLog: boolean): Promise<Contender> => {
  if (program === null) throw new Error('nginx is not installed (apt install nginx-light)');
  const name = withLog ? 'nginx, with a log' : 'nginx';
  const started = await startProgram(name, (folder, port) => {
    mkdirSync(join(folder, 'temporary'));
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, configOf(folder, port, upstreamPort, withLog));
    return { argv: [program, '-p', folder, '-c', config, '-g', 'daemon off;'] };
  });
  return {
    ...started,
    name,
    ways: vendorWays,
  };
};
