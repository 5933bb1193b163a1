// How the tools of an agent in a jail find the network door, which is their only way out. Pure.
// One name and one spelling of a variable is not enough: each tool reads its own. None carries a credential, the connection itself says whose it is.

/** Where the settings of APT lie in a jail that has a network door. */
const aptSettingsFile = '/run/sealwright/apt.conf';

/** Beside what every agent gets; nothing without a network door. */
export const jailVariables = (networkDoor: string | null): Readonly<Record<string, string>> =>
  networkDoor === null
    ? {}
    : {
        HTTP_PROXY: networkDoor,
        HTTPS_PROXY: networkDoor,
        // curl reads only this spelling, so that no CGI request header can set it.
        http_proxy: networkDoor,
        https_proxy: networkDoor,
        // Without it, Node's own fetch asks no proxy (https://nodejs.org/api/cli.html#node_use_env_proxy1).
        NODE_USE_ENV_PROXY: '1',
        APT_CONFIG: aptSettingsFile,
      };

/** Folders in the home that APT keeps its lists and archives in. It makes them, but for their parents. */
export const aptFolders = ['.cache/apt/lists/partial', '.cache/apt/archives/partial'] as const;

/**
 * Files of a jail by their path there. APT (apt.conf(5)) keeps what it fetches in the home, and tries to become nobody else, which a jail refuses.
 * `home` is the person's, as the agent sees it.
 */
export const jailFiles = (home: string): Readonly<Record<string, string>> => ({
  [aptSettingsFile]: [
    `Dir::State "${home}/.cache/apt";`,
    'Dir::State::status "/var/lib/dpkg/status";',
    `Dir::Cache "${home}/.cache/apt";`,
    `Dir::Log "${home}/.cache/apt";`,
    'APT::Sandbox::User "";',
    '',
  ].join('\n'),
});
