// Any program that speaks to Anthropic's, OpenAI's or Google's API: pointed at the envelope by its environment alone, its settings its own affair.
// Beside the variables of the vendors' clients, those of programs that read others: GitHub Copilot CLI (seen: 1.0.102), opencode (1.18.33) and
// Qwen Code (0.15.10). Pure.

export interface CompatiblePlace {
  /** Origin of the model door, without a path. */
  readonly modelDoor: string;
  readonly credential: string;
  /** Models that the role may call, by their pins. */
  readonly modelPins: readonly string[];
}

/** The name of the provider that opencode finds in its config. */
const provider = 'sealwright';

const forOpencode = ({ modelDoor, modelPins }: CompatiblePlace): string =>
  JSON.stringify({
    provider: {
      [provider]: {
        npm: '@ai-sdk/openai-compatible',
        name: provider,
        // The credential stays in the one variable that it came in.
        options: { baseURL: `${modelDoor}/openai/v1`, apiKey: '{env:OPENAI_API_KEY}' },
        models: Object.fromEntries(modelPins.map((pin) => [pin, {}])),
      },
    },
    ...(modelPins[0] !== undefined && { model: `${provider}/${modelPins[0]}`, small_model: `${provider}/${modelPins[0]}` }),
    autoupdate: false,
    share: 'disabled',
  });

/** Beside what every agent gets. A program that knows none of these variables ignores them. */
export const compatibleVariables = (place: CompatiblePlace): Readonly<Record<string, string>> => {
  const { modelDoor, credential, modelPins } = place;
  const [first] = modelPins;
  return {
    COPILOT_PROVIDER_BASE_URL: `${modelDoor}/openai/v1`,
    COPILOT_PROVIDER_TYPE: 'openai',
    COPILOT_PROVIDER_API_KEY: credential,
    // Without it, it also speaks to its vendor.
    COPILOT_OFFLINE: 'true',
    OPENCODE_CONFIG_CONTENT: forOpencode(place),
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    ...(first !== undefined && { COPILOT_MODEL: first, OPENAI_MODEL: first }),
  };
};
