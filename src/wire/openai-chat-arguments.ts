// Follows the arguments of a streamed call, JSON in parts, and knows when they are whole.
// Some clients begin a call as soon as its arguments can be parsed and pass over what comes later; others wait for the end of the stream.
// Linear in what is taken; never throws. What is no JSON at all is nobody's arguments and is never whole.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isOpening = (code: number): boolean => code === 0x7b || code === 0x5b;
const isClosing = (code: number): boolean => code === 0x7d || code === 0x5d;
/** White space of JSON (RFC 8259, section 2), and the byte order mark that some parsers take off. */
const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09 || code === 0xfeff;

const blank = /^[ \n\r\t]*$/;
/** The beginning of a number may be a whole one. */
const wholeScalar = /^(?:true|false|null|[-0-9].*)$/;
const LONGEST_SCALAR = 'false'.length + 1;

export interface Arguments {
  /** False when more than white space comes behind arguments that were whole at the end of an earlier part. */
  readonly take: (part: string) => boolean;
}

export const createArguments = (): Arguments => {
  let kind: 'none' | 'nested' | 'text' | 'scalar' = 'none';
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  let isWhole = false;
  let scalar = '';

  const step = (code: number): void => {
    if (inText) {
      if (isEscaped) isEscaped = false;
      else if (code === BACKSLASH) isEscaped = true;
      else if (code === QUOTE) inText = false;
      isWhole = depth === 0 && !inText;
    } else if (code === QUOTE) inText = true;
    else if (isOpening(code)) depth++;
    else if (isClosing(code)) {
      depth--;
      isWhole = depth <= 0;
    }
  };

  const begin = (code: number): void => {
    if (isBlank(code)) return;
    kind = isOpening(code) ? 'nested' : code === QUOTE ? 'text' : 'scalar';
  };

  /** Takes one character; false once nothing more is to be learned. */
  const takeCode = (code: number): boolean => {
    if (kind === 'none') begin(code);
    if (kind === 'nested' || kind === 'text') step(code);
    else if (kind === 'scalar' && scalar.length < LONGEST_SCALAR && !isBlank(code)) scalar += String.fromCharCode(code);
    return !isWhole;
  };

  return {
    take: (part) => {
      if (isWhole) return blank.test(part);
      for (let at = 0; at < part.length; at++) if (!takeCode(part.charCodeAt(at))) break;
      if (kind === 'scalar') isWhole = wholeScalar.test(scalar);
      return true;
    },
  };
};
