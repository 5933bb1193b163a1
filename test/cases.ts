// How many cases a property is tried on: all of them, or one of so many as SEALWRIGHT_CASES_DIVISOR says, which `npm run check` sets.
// Contract: whoever sets nothing, as `npm test` and the build server do, gets all.

const divisor = Math.max(1, Number(process.env['SEALWRIGHT_CASES_DIVISOR'] ?? 1));

export const casesCount = (all: number): number => Math.ceil(all / divisor);
