{{- define "mandate.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- define "mandate.labels" -}}
app.kubernetes.io/name: mandate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "mandate.selector" -}}
app.kubernetes.io/name: mandate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "mandate.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end }}

{{- /* The environment that every deployable gets; the names are those of gateway/local/plan.py. */ -}}
{{- define "mandate.env" -}}
- {name: MANDATE_KAFKA, value: {{ required "kafka: give the bootstrap address" .Values.kafka | quote }}}
- {name: MANDATE_REDIS, value: {{ required "redis: give its URL" .Values.redis | quote }}}
- {name: MANDATE_ARCHIVE, value: {{ required "archive: give its URL" .Values.archive | quote }}}
- {name: MANDATE_TOPOLOGY, value: /etc/mandate/topology.yaml}
- {name: MANDATE_HTTP, value: "0.0.0.0:8080"}
- name: MANDATE_POSTGRES
  valueFrom: {secretKeyRef: {name: {{ required "postgres.existingSecret: name a secret with `dsn`" .Values.postgres.existingSecret | quote }}, key: dsn}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Where the gateway asks each process for its health: one pod a slot, by the names of its headless Service. */ -}}
{{- define "mandate.processes" -}}
{{- $root := . -}}
{{- $name := include "mandate.name" . -}}
{{- $out := list -}}
{{- range $table := list "processors" "projections" -}}
{{- range $unit, $set := index $root.Values $table -}}
{{- $component := printf "%s-%s" (trimSuffix "s" $table) $unit -}}
{{- range $slot := until (int $set.replicas) -}}
{{- $out = append $out (printf "%s-%d=%s-%s-%d.%s-%s:8080" $component $slot $name $component $slot $name $component) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $slot := until (int $root.Values.effects.replicas) -}}
{{- $out = append $out (printf "effects-%d=%s-effects-%d.%s-effects:8080" $slot $name $slot $name) -}}
{{- end -}}
{{- join "," $out -}}
{{- end }}

{{- define "mandate.pod" -}}
metadata:
  labels: {{- include "mandate.labels" . | nindent 4 }}
  annotations:
    checksum/topology: {{ .root.Files.Get "topology.yaml" | sha256sum }}
    {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{- end }}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 30
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: mandate
      image: {{ include "mandate.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: {{ toJson .command }}
      env:
        {{- include "mandate.env" .root | nindent 8 }}
        {{- with .env }}{{ . | nindent 8 }}{{- end }}
      ports: [{name: http, containerPort: 8080}]
      startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 2, failureThreshold: 60}
      livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5, failureThreshold: 6}
      resources: {{- toYaml .root.Values.resources | nindent 8 }}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts:
        - {name: topology, mountPath: /etc/mandate, readOnly: true}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: topology
      configMap: {name: {{ include "mandate.name" .root }}-topology}
    - name: tmp
      emptyDir: {}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
