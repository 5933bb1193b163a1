// Names of logs: `DEPLOYMENT/STREAM/CLASS/YYYYqN`. The origin is also the log's folder below `logs/`, so its parts are plain.
// Pure; an unusable name answers null.

import { streams, type Stream } from '../core/receipt.ts';

export interface Origin {
  readonly deployment: string;
  readonly stream: Stream;
  readonly retentionClass: string;
  /** `YYYYqN`: sorts as text in the order of time. */
  readonly shard: string;
}

export const originPart = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const shardForm = /^\d{4}q[1-4]$/;

export const originText = ({ deployment, stream, retentionClass, shard }: Origin): string =>
  `${deployment}/${stream}/${retentionClass}/${shard}`;

export const parseOrigin = (text: string): Origin | null => {
  const [deployment = '', streamName, retentionClass = '', shard = '', ...rest] = text.split('/');
  const stream = streams.find((one) => one === streamName);
  const plain = originPart.test(deployment) && originPart.test(retentionClass) && shardForm.test(shard) && rest.length === 0;
  return plain && stream !== undefined ? { deployment, stream, retentionClass, shard } : null;
};

/** The quarter of a timestamp in RFC 3339 and UTC; null for another form. */
export const shardOf = (timestamp: string): string | null => {
  const month = Number(timestamp.slice(5, 7));
  const shard = `${timestamp.slice(0, 4)}q${Math.ceil(month / 3)}`;
  return timestamp[4] === '-' && timestamp[7] === '-' && shardForm.test(shard) ? shard : null;
};
