// The form of what the doors accept from an agent: one place for who takes it and for who keeps it back.
// Nothing of that form travels on, wherever a client put it. Pure.

const form = 'sw_[A-Za-z0-9_-]{43}';
const whole = new RegExp(`^${form}$`);
const within = new RegExp(form);

export const isCredential = (text: string): boolean => whole.test(text);

export const holdsCredential = (text: string): boolean => within.test(text);
