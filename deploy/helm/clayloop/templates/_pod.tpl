{{/* The container of a pod that runs the clayloop command `command`. */}}
{{- define "clayloop.container" -}}
image: {{ required "Set image." .root.Values.image | quote }}
command: ["sh", "-ec"]
args:
  - |
    {{- if .root.Values.install }}
    python -m venv /tmp/clayloop && . /tmp/clayloop/bin/activate && pip install --quiet "$INSTALL"
    {{- end }}
    clayloop releases share "$RELEASES"
    exec {{ .command }}
env:
  - {name: INSTALL, value: {{ .root.Values.install | quote }}}
  - {name: RELEASES, value: {{ required "Set releases: where they are shared." .root.Values.releases | quote }}}
  - {name: CLAYLOOP_HOME, value: /state}
  - {name: HOME, value: /tmp}
  - {name: CLAYLOOP_CURATION__ARGILLA__URL, value: {{ required "Set argilla.url." .root.Values.argilla.url | quote }}}
  - {name: CLAYLOOP_CURATION__ARGILLA__WORKSPACE, value: {{ .root.Values.argilla.workspace | quote }}}
  {{- range $name, $value := .root.Values.settings }}
  - {name: {{ $name }}, value: {{ $value | toString | quote }}}
  {{- end }}
  {{- range $name, $value := .env }}
  - {name: {{ $name }}, value: {{ $value | toString | quote }}}
  {{- end }}
envFrom:
  - secretRef: {name: {{ .root.Values.secret | quote }}}
volumeMounts:
  - {name: state, mountPath: /state}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end }}

{{- define "clayloop.user" -}}
runAsNonRoot: true
runAsUser: 10001
fsGroup: 10001
{{- end }}
