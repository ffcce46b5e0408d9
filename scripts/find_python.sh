#!/bin/sh
# Prints the path of a Python of one of the versions that are asked for, the first that there is.
#   find_python.sh             3.11 or 3.13, for which bpy wheels exist (3.11 alone on a Mac with an Intel
#                              processor); where there is neither, uv brings one
#   find_python.sh 3.13        that one only; prints nothing and fails where it is missing
set -eu

# A name on the PATH may only look like a Python (pyenv's shims do), so each is asked for its version.
is() {
    [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

case $(uname -sm) in
    "Darwin x86_64") ours="3.11" ;; # bpy 5.2, which is for 3.13, has no wheel for these
    *) ours="3.11 3.13" ;;
esac

for version in ${*:-$ours}; do
    for name in ${PYTHON:-} "python$version" python3 python "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if is "$name" "$version"; then
            "$name" -c 'import sys; print(sys.executable)'
            exit 0
        fi
    done
done
[ $# -eq 0 ] || exit 1

if command -v uv >/dev/null 2>&1; then
    uv=uv
elif python3 -m venv .cache/uv >&2 && .cache/uv/bin/pip install --quiet uv >&2; then
    uv=.cache/uv/bin/uv
else
    echo "No Python 3.11 or 3.13 was found, and no uv that could bring one. Install one of them." >&2
    exit 1
fi
"$uv" python install --quiet 3.11 >&2
"$uv" python find 3.11
