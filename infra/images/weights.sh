# Copies those weights that one function uses: weights.sh FUNCTION FROM TO
# A role, or one variant of it: search hears spoken queries, for which somebody waits, so it gets the small Whisper.
set -eu
function=$1 from=$2 to=$3

case $function in
    visual) roles="visual" ;;
    ocr) roles="ocr text translation" ;;
    speech) roles="speech vad text translation" ;;
    faces) roles="faces" ;;
    search) roles="visual text translation vad speech/whisper-base" ;;
    cluster) roles="visual text" ;; # names for themes whose videos have no words in common
    ingest | assemble | purge) roles="" ;;
    *) echo "no such function: $function" >&2 && exit 1 ;;
esac

mkdir -p "$to"
for role in $roles; do
    if [ -d "$from/$role" ]; then
        mkdir -p "$(dirname "$to/$role")"
        cp -R "$from/$role" "$to/$role"
        echo "$role: $(ls "$to/$role" | tr '\n' ' ')"
    else
        echo "$role: none here, what the package brings or nothing will be used"
    fi
done
