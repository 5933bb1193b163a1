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

/** In a folder that is there, APT makes one of this name, and what it needs in it. */
const aptFolder = '/tmp/apt';

/** Files of a jail by their path there. APT (apt.conf(5)) keeps what it fetches where it may write, and tries to become nobody else, which a jail refuses. */
export const jailFiles: Readonly<Record<string, string>> = {
  [aptSettingsFile]: [
    `Dir::State "${aptFolder}";`,
    'Dir::State::status "/var/lib/dpkg/status";',
    `Dir::Cache "${aptFolder}";`,
    `Dir::Log "${aptFolder}";`,
    'APT::Sandbox::User "";',
    '',
  ].join('\n'),
};
