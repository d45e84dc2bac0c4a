"""The kinds of objects that every cluster has, and what it means to change them. Data, and how it is read.

https://kubernetes.io/docs/reference/kubernetes-api/ has them all.
"""

from schemas.vocabulary import Intent


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Their writes change what is in a namespace, and no more than their manifest says.
ORDINARY = _kinds(
    """
    pods configmaps services endpoints events events.events.k8s.io persistentvolumeclaims limitranges
    resourcequotas replicationcontrollers podtemplates serviceaccounts secrets
    deployments.apps statefulsets.apps daemonsets.apps replicasets.apps controllerrevisions.apps
    jobs.batch cronjobs.batch horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy
    leases.coordination.k8s.io endpointslices.discovery.k8s.io csistoragecapacities.storage.k8s.io
    """
)
# Their writes let traffic in or out.
NETWORK = _kinds(
    """
    ingresses.networking.k8s.io networkpolicies.networking.k8s.io endpoints endpointslices.discovery.k8s.io
    """
)
# Their writes change what others may do, or the cluster itself. All else outside of namespaces does, too.
ADMIN = _kinds(
    """
    roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io
    clusterroles.rbac.authorization.k8s.io clusterrolebindings.rbac.authorization.k8s.io
    nodes namespaces persistentvolumes componentstatuses serviceaccounts
    customresourcedefinitions.apiextensions.k8s.io apiservices.apiregistration.k8s.io
    mutatingwebhookconfigurations.admissionregistration.k8s.io
    validatingwebhookconfigurations.admissionregistration.k8s.io
    validatingadmissionpolicies.admissionregistration.k8s.io
    validatingadmissionpolicybindings.admissionregistration.k8s.io
    mutatingadmissionpolicies.admissionregistration.k8s.io
    mutatingadmissionpolicybindings.admissionregistration.k8s.io
    certificatesigningrequests.certificates.k8s.io clustertrustbundles.certificates.k8s.io
    flowschemas.flowcontrol.apiserver.k8s.io prioritylevelconfigurations.flowcontrol.apiserver.k8s.io
    priorityclasses.scheduling.k8s.io runtimeclasses.node.k8s.io storageclasses.storage.k8s.io
    csidrivers.storage.k8s.io csinodes.storage.k8s.io volumeattachments.storage.k8s.io
    ingressclasses.networking.k8s.io
    """
)
# Kinds without a namespace, beside those of `ADMIN` that have none.
_NAMESPACED_ADMIN = _kinds(
    "roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io serviceaccounts"
)
CLUSTER_WIDE = ADMIN - _NAMESPACED_ADMIN

CREDENTIAL = _kinds("secrets certificatesigningrequests.certificates.k8s.io")
# What their objects hold makes no difference to what a write of them is for.
_HOLD_DATA = _kinds(
    "configmaps secrets events events.events.k8s.io leases.coordination.k8s.io serviceaccounts"
)
# Questions that are put as objects: to create one changes nothing.
QUESTIONS = {
    "selfsubjectaccessreviews.authorization.k8s.io": Intent.SESSION,
    "selfsubjectrulesreviews.authorization.k8s.io": Intent.SESSION,
    "selfsubjectreviews.authentication.k8s.io": Intent.SESSION,
    "subjectaccessreviews.authorization.k8s.io": Intent.READ,
    "localsubjectaccessreviews.authorization.k8s.io": Intent.READ,
    "tokenreviews.authentication.k8s.io": Intent.CREDENTIAL,
}
SAY_ENOUGH = _HOLD_DATA | ADMIN | frozenset(QUESTIONS)
# Writes to these subresources do what they say, whatever the body holds.
SUBRESOURCES: dict[str, tuple[Intent, ...]] = {
    "scale": (Intent.WRITE,),
    "status": (Intent.WRITE, Intent.ADMIN),
    "finalize": (Intent.WRITE, Intent.ADMIN),
    "approval": (Intent.WRITE, Intent.ADMIN, Intent.CREDENTIAL),
    "token": (Intent.CREDENTIAL,),
    "eviction": (Intent.WRITE,),
    "binding": (Intent.WRITE, Intent.ADMIN),
    "ephemeralcontainers": (Intent.WRITE, Intent.EXEC),
    "resize": (Intent.WRITE,),
    "exec": (Intent.EXEC,),
    "attach": (Intent.EXEC,),
    "portforward": (Intent.NETWORK,),
}
# What a client asks to learn what the cluster knows.
DISCOVERY = ("/api", "/apis", "/version", "/healthz", "/livez", "/readyz", "/openapi")
