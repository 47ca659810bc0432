{{- define "mandate.set" -}}
{{- $slot := "- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "mandate.name" .root }}-{{ .component }}
  labels: {{- include "mandate.labels" . | nindent 4 }}
spec:
  replicas: {{ .replicas }}
  serviceName: {{ include "mandate.name" .root }}-{{ .component }}
  podManagementPolicy: Parallel
  selector: {matchLabels: {{ include "mandate.selector" . | fromYaml | toJson }}}
  template: {{- include "mandate.pod" (merge (dict "env" $slot) .) | nindent 4 }}
---
# Names for the pods, which the gateway asks for their health one by one.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "mandate.name" .root }}-{{ .component }}
  labels: {{- include "mandate.labels" . | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "mandate.selector" . | nindent 4 }}
  ports: [{name: http, port: 8080, targetPort: http}]
{{- if gt (int .replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "mandate.name" .root }}-{{ .component }}
  labels: {{- include "mandate.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {{ include "mandate.selector" . | fromYaml | toJson }}}
{{- end }}
{{- end }}
