// What policies can see of the arguments of a tool call, and what is said where a condition on them is not met.
// Pure. A value of an argument is never said: not in a sentence, not in a record.

/**
 * The arguments of a call by name, without prototype. Texts, whole numbers and truth values stand as they are; what is there and is none of these,
 * or is longer than anyone looks at, stands as null.
 */
export type ToolArguments = Readonly<Record<string, string | number | boolean | null>>;

/** A name as readers see it that do not tell upper from lower case. */
export const foldedName = (name: string): string => name.toUpperCase().toLowerCase();

/** Why a call is not one of those that the conditions on a tool let through. */
export interface UnmetConditions {
  /** Nobody can say what the arguments are. */
  readonly unreadable: boolean;
  /** Settings of the conditions that are not met, such as `agent_roles.demo.allowed_tools[1].when.amount`. */
  readonly settings: readonly string[];
}

const settingsSaid = 4;

/** The sentence about it, for the one who was refused. */
export const unmetSentence = (role: string, tool: string, { unreadable, settings }: UnmetConditions): string => {
  const said = settings.slice(0, settingsSaid).join(', ');
  const more = settings.length > settingsSaid ? ` and ${settings.length - settingsSaid} more` : '';
  const why = unreadable
    ? `its arguments could not be read, and there are conditions on them: ${said}${more}`
    : `its arguments do not meet ${settings.length === 1 ? 'the condition' : 'the conditions'} ${said}${more}`;
  return `The role ${role} may not use the tool ${tool} like this: ${why}.`;
};
