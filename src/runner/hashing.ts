// Hashes as the runner takes them. The module behind them is loaded with the first one, because loading it takes longer than an exchange with
// the envelope, and can be done while one is under way. Pure otherwise.

import type { Hash } from 'node:crypto';

export const newHash = (algorithm: 'sha1' | 'sha256'): Hash => process.getBuiltinModule('node:crypto').createHash(algorithm);
