// What a model call costs at the prices of the config, in whole numbers throughout: prices in millionths of the currency, amounts in millionths of those.
// Pure. An amount is a decimal text; what is not known has no cost, which is never the same as a cost of nothing.

/** For a million of the model's units, in millionths of the currency. */
export interface Price {
  /** Three capital letters (ISO 4217). */
  readonly currency: string;
  readonly inputMicros: number;
  /** For input that the provider read from its cache; null where it is charged as any other. */
  readonly cachedInputMicros: number | null;
  readonly outputMicros: number;
}

/** What the provider counted. Cached input is a part of the input. */
export interface Counted {
  readonly inputTokenCount: number | null;
  readonly cachedInputTokenCount: number | null;
  readonly outputTokenCount: number | null;
}

export interface Cost {
  readonly currency: string;
  /** Such as `0.1236`: at most twelve places, no zeros at its end. */
  readonly amount: string;
}

const fractionDigits = 12;
const currencyForm = /^[A-Z]{3}$/;
const amountForm = /^(\d{1,18})(?:\.(\d{1,12}))?$/;

const amountOf = (units: bigint): string => {
  const digits = units.toString().padStart(fractionDigits + 1, '0');
  const fraction = digits.slice(-fractionDigits).replace(/0+$/, '');
  return `${digits.slice(0, -fractionDigits)}${fraction === '' ? '' : `.${fraction}`}`;
};

/** Null where it is no amount. */
const unitsOf = (amount: string): bigint | null => {
  const [, whole, fraction = ''] = amountForm.exec(amount) ?? [];
  return whole === undefined ? null : BigInt(whole) * 10n ** BigInt(fractionDigits) + BigInt(fraction.padEnd(fractionDigits, '0'));
};

/** Null where something that has a price was not counted. */
const share = (count: number | null, micros: number): bigint | null => {
  if (micros === 0) return 0n;
  return count === null || !Number.isSafeInteger(count) || count < 0 ? null : BigInt(count) * BigInt(micros);
};

/** What a call costs; null where that is not known. Providers that do not say what came from a cache are taken to have read none. */
export const costOf = (price: Price | null, { inputTokenCount, cachedInputTokenCount, outputTokenCount }: Counted): Cost | null => {
  if (price === null) return null;
  const { currency, inputMicros, outputMicros } = price;
  const cachedInputMicros = price.cachedInputMicros ?? inputMicros;
  const cached = Math.min(cachedInputTokenCount ?? 0, inputTokenCount ?? 0);
  const fresh = share(inputTokenCount === null ? null : inputTokenCount - cached, inputMicros);
  const parts = [fresh, share(cached, cachedInputMicros), share(outputTokenCount, outputMicros)];
  const known = parts.filter((part) => part !== null);
  return known.length < parts.length ? null : { currency, amount: amountOf(known.reduce((sum, part) => sum + part, 0n)) };
};

export interface CostSum {
  /** False for what is no cost. */
  readonly add: (cost: Cost) => boolean;
  /** One for each currency, by its name; null when nothing was added. */
  readonly costs: () => readonly Cost[] | null;
}

export const createCostSum = (): CostSum => {
  const sums = new Map<string, bigint>();
  return {
    add: ({ currency, amount }) => {
      const units = unitsOf(amount);
      if (units === null || !currencyForm.test(currency)) return false;
      sums.set(currency, (sums.get(currency) ?? 0n) + units);
      return true;
    },
    costs: () =>
      sums.size === 0
        ? null
        : [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([currency, units]) => ({ currency, amount: amountOf(units) })),
  };
};

/** As a person reads it: two places, or as many as the first two digits that are not zero need. Rounded half up, and never down to nothing. */
export const shownCost = ({ currency, amount }: Cost): string => {
  const units = unitsOf(amount);
  if (units === null) return `${amount} ${currency}`;
  const places = units === 0n ? 2 : Math.min(fractionDigits, Math.max(2, fractionDigits + 2 - units.toString().length));
  const step = 10n ** BigInt(fractionDigits - places);
  const [whole = '0', fraction = ''] = amountOf(((units + step / 2n) / step) * step).split('.');
  return `${whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',')}.${fraction.padEnd(places, '0')} ${currency}`;
};
