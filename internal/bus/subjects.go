package bus

// Everything of Slipway is below "slipway.". Tenants, functions and invokers are DNS
// labels, so each is one token of a subject.
const (
	// SpecSubject answers a slipway.VersionRef with its slipway.Spec.
	SpecSubject = "slipway.specs"

	invokersSubject = "slipway.invokers." // followed by the invoker's id
	gatewaysSubject = "slipway.gateways." // followed by the gateway's id
	changesSubject  = "slipway.changes"
	triggersSubject = "slipway.triggers"
	wishesSubject   = "slipway.wishes."  // followed by the invoker's id
	logsSubject     = "slipway.logs."    // followed by <tenant>.<function>
	jobLogsSubject  = "slipway.joblogs." // followed by <tenant>.<job>.<bunch>
	eventsSubject   = "slipway.events"
	inboxSubject    = "slipway.inbox."
	cancelSuffix    = ".cancel"
)

// InvokeSubject is where an invoker takes events.
func InvokeSubject(invoker string) string { return "slipway.invoke." + invoker }

// BuildSubject is where an invoker takes builds.
func BuildSubject(invoker string) string { return "slipway.build." + invoker }

// InstancesSubject is where an invoker tells about its instances.
func InstancesSubject(invoker string) string { return "slipway.instances." + invoker }
