// Shares what is bounded between holders, so that none can take what the others need: dynamic thresholds (Choudhury and Hahne, IEEE/ACM Transactions
// on Networking 6(2), 1998) with a factor of one. A holder may have as much as is left free: alone up to a half, each of n up to 1/(n + 1).
// Pure memory, bounded by what is held; never fails.

export interface FairShare {
  /** Null where it was granted; else what stands against it. What serves to end what has begun may have all that is left. */
  readonly take: (holder: string, amount: number, serves?: 'beginning' | 'ending') => 'limit' | 'share' | null;
  readonly give: (holder: string, amount: number) => void;
  readonly held: () => number;
}

export const createFairShare = (capacity: number): FairShare => {
  const holdings = new Map<string, number>();
  let total = 0;
  return {
    take: (holder, amount, serves = 'beginning') => {
      const left = capacity - total - amount;
      if (left < 0) return 'limit';
      const own = (holdings.get(holder) ?? 0) + amount;
      if (serves === 'beginning' && own > left) return 'share';
      holdings.set(holder, own);
      total += amount;
      return null;
    },
    give: (holder, amount) => {
      const own = (holdings.get(holder) ?? 0) - amount;
      if (own > 0) holdings.set(holder, own);
      else holdings.delete(holder);
      total -= amount;
    },
    held: () => total,
  };
};
