{{- define "leasehold.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What names begin with: the name of the release if it says leasehold, else both. */}}
{{- define "leasehold.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "leasehold.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "leasehold.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "leasehold.labels" -}}
app.kubernetes.io/name: {{ include "leasehold.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of the operator's Pods: these never change, as a Deployment's selector cannot. */}}
{{- define "leasehold.operatorSelector" -}}
app.kubernetes.io/name: {{ include "leasehold.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "leasehold.operatorLabels" -}}
{{ include "leasehold.labels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "leasehold.operator" -}}
{{ include "leasehold.fullname" . }}-operator
{{- end -}}

{{- define "leasehold.priorityClass" -}}
{{- if .Values.operator.priorityClass.name -}}
{{- .Values.operator.priorityClass.name -}}
{{- else if .Values.operator.priorityClass.create -}}
{{- include "leasehold.operator" . -}}
{{- end -}}
{{- end -}}

{{- define "leasehold.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- with .Values.image.digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{/* What the operator does in the namespaces that it looks after. */}}
{{- define "leasehold.operatorRules" -}}
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch]
{{- if .Values.operator.leaderLabel }}
# Labels the Pods of leaders when a Service that selects the new one reaches it.
- apiGroups: ['']
  resources: [pods]
  verbs: [patch]
- apiGroups: ['']
  resources: [services]
  verbs: [list]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
{{- end }}
- apiGroups: ['']
  resources: [events]
  verbs: [create, patch]
# Whether a namespace is opted in for Leases of others.
- apiGroups: ['']
  resources: [namespaces]
  verbs: [get]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, list, watch, update, delete]
# To the guard, where it is: that the operator's proof of death is believed.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [settle]
{{- end -}}

{{/* Pod security "restricted", for the Pod and for its container. */}}
{{- define "leasehold.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "leasehold.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
