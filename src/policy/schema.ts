// The Cedar schema: what a policy can speak of. Policies, compiled or written by hand, are validated against it strictly.
// Budgets, rates, stops and approvals are not in it: they are not facts about one crossing.

export const namespace = 'Sealwright';

export const policyActions = ['invokeModel', 'callTool'] as const;
export type PolicyAction = (typeof policyActions)[number];

/** Cedar's own schema language. */
export const cedarSchema = `namespace ${namespace} {
  // What an agent may do. An agent is in the one role that its invocation took.
  entity Role;

  // The program that crosses the boundary.
  entity Agent in [Role] { client: String };

  // The person or service account that started the program; the id is a pseudonym.
  entity Invoker;

  // A place where models run.
  entity Endpoint;

  // A model, by its pin, at the endpoint that is being considered.
  entity Model in [Endpoint];

  // A tool, by its canonical name.
  entity Tool;

  action invokeModel appliesTo {
    principal: [Agent],
    resource: [Model],
    context: {
      invoker: Invoker,
      assurance: String,
      environment: String,
      data_classification: String,
      containment: String,
      endpoint: { topology: String, provider: String, region: String }
    }
  };

  action callTool appliesTo {
    principal: [Agent],
    resource: [Tool],
    context: {
      invoker: Invoker,
      assurance: String,
      environment: String,
      data_classification: String,
      containment: String
    }
  };
}
`;
