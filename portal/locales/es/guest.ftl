# Guests: the form, the terms, the voucher, the mail, the sponsor, the time that is left.
guest-title = Conectarse como invitado
guest-limits = Dispositivos a la vez: { $devices }. Duración: { $duration }.
guest-after-email = Le enviamos un correo con un enlace. Su dispositivo está conectado durante { $count } minutos para que pueda abrirlo.
guest-after-sponsor = Se pide a la persona a la que visita que acepte su solicitud.
guest-name = Nombre
guest-email = Correo electrónico
guest-email-why = Allí enviamos el enlace para su acceso.
guest-email-hint = Para poder contactarle mientras esté aquí.
guest-phone = Número de teléfono
guest-phone-hint = Para poder contactarle mientras esté aquí. No enviamos mensajes a este número.
guest-company = Empresa
guest-sponsor = Correo electrónico de la persona a la que visita
guest-sponsor-why = Se pide a esta persona que acepte su solicitud.
guest-reason = Motivo de su visita
guest-reason-hint = La persona a la que visita lo ve.
guest-terms-title = Condiciones de uso
guest-terms-read = Leer las condiciones de uso
guest-terms-accept = Acepto las condiciones de uso
guest-terms-missing = Acepte las condiciones de uso para continuar.
guest-send = Conectar
guest-field-empty = Este dato es necesario: rellénelo.
guest-field-unusable = Este dato es demasiado largo o contiene caracteres no válidos.
guest-email-unusable = Esto no es un correo electrónico. Escríbalo como nombre@example.org.
guest-sponsor-unusable = Esta no es la dirección de alguien que trabaja aquí. Pídasela a la persona a la que visita.
guest-voucher-title = Conectarse con un vale
guest-code = Código
guest-code-hint = Diez letras y cifras, como ABCDE-FGHJK. Las mayúsculas y los guiones no importan.
guest-code-form = Un código tiene diez letras y cifras. Compárelo con su vale.
guest-code-wrong = Este código no existe. Compárelo con su vale.
guest-code-expired = Este código ya no es válido. Pida un vale nuevo.
guest-code-used = Este código está agotado: su tiempo terminó o ya lo usan bastantes dispositivos. Desconecte otro dispositivo o pida un vale nuevo.
guest-code-elsewhere = Este código solo vale en otra sede. Pida un vale para esta.
guest-code-early = Este código es válido a partir del { $time }. Inténtelo entonces.
guest-closed = Esta forma de conectarse no está disponible aquí. Empiece de nuevo en la página de inicio.
guest-device-known = Este dispositivo ya está registrado, y no como el de un invitado. Pregunte a las personas indicadas abajo.
guest-device-blocked = Este dispositivo no puede usar esta red. Pregunte a las personas indicadas abajo.
guest-device-limit = Usa tantos dispositivos como se permite. Desconecte primero uno de ellos.
guest-decided = Esto ya se decidió. Vuelva atrás para ver cómo.
guest-no-extension = No puede prolongar más por su cuenta. Pregunte a las personas indicadas abajo.
guest-nobody = Este dispositivo no está registrado como el de un invitado. Empiece de nuevo en la página de inicio.
guest-link-over = Este enlace ya no es válido: uno más reciente lo sustituyó o su tiempo terminó.
guest-resend-later = Se envió un correo hace poco. Mire en la carpeta de correo no deseado e inténtelo más tarde.
guest-status-title = Su conexión
guest-on = Está conectado
guest-until = Puede usar esta red hasta el { $time }.
guest-left = Tiempo restante
guest-devices = Dispositivos
guest-devices-used = { $used } de { $max }
guest-reconnect = Puede tardar un minuto en funcionar todo. Si no es así, desconéctese de la red y vuelva a conectarse.
guest-extend = Prolongar { $duration }
guest-leave = Cerrar sesión
guest-almost = Casi listo
guest-mail-sent = Hemos enviado un correo a { $address }. Abra el enlace que contiene, en cualquier dispositivo.
guest-sponsor-asked = Hemos pedido a { $address } que acepte su solicitud.
guest-activation = Hasta las { $time } su dispositivo está conectado para ello.
guest-waits = Esta página comprueba por sí misma si hay respuesta.
guest-resend = Enviar el correo otra vez
guest-cancel = Cancelar y empezar de nuevo
guest-denied-title = Su solicitud fue rechazada
guest-denied = El motivo indicado: { $reason }
guest-over-title = Su tiempo ha terminado
guest-over = Puede conectarse de nuevo desde la página de inicio.
guest-confirm-title = Confirmar su acceso
guest-confirm-which = Este dispositivo obtiene acceso si usted confirma:
guest-device = Dispositivo
guest-asked = Solicitado el
guest-site = Sede
guest-replace = Usa tantos dispositivos como se permite. ¿Cuál deja su lugar?
guest-replace-missing = Elija el dispositivo que deja su lugar.
guest-confirm-send = Confirmar
guest-confirm-not-you = Si no lo ha solicitado, cierre esta página: no ocurrirá nada.
guest-confirm-done-title = Confirmado
guest-confirm-done = El dispositivo { $device } puede usar la red hasta el { $time }.
guest-confirm-sponsor = Su dirección está confirmada. Se ha pedido a la persona a la que visita que acepte su solicitud.
guest-request-title = Un invitado solicita acceso
guest-sign-in-why = Inicie sesión con su cuenta para ver la solicitud y decidir.
guest-sign-in-user = Nombre de usuario
guest-sign-in-password = Contraseña
guest-sign-in-send = Iniciar sesión
guest-sign-in-wrong = El nombre de usuario o la contraseña no son correctos. Inténtelo de nuevo.
guest-sign-in-not-allowed = Su cuenta no puede aceptar invitados. Pregunte a un colega que pueda.
guest-sign-in-again = Su sesión ha terminado. Inicie sesión de nuevo.
guest-signed-in = Sesión iniciada como { $user }
guest-hours = Durante cuántas horas
guest-hours-hint = Como máximo { $duration }.
guest-hours-unusable = Escriba un número de horas que no supere lo solicitado.
guest-approve = Aceptar al invitado
guest-deny = Rechazar
guest-deny-reason = Motivo, si rechaza
guest-deny-reason-hint = El invitado lo lee.
guest-deny-reason-missing = Diga por qué rechaza, en 200 caracteres como máximo.
guest-decided-yes = { $by } aceptó a este invitado el { $time }, hasta el { $until }.
guest-decided-no = { $by } rechazó a este invitado el { $time }.
guest-request-over = Esta solicitud ha terminado: ya no hay nada que decidir.
guest-mail-verify-subject = Confirme su acceso: { $site }
guest-mail-verify =
    Alguien ha solicitado acceso con esta dirección: { $site }. Si fue usted, abra este enlace y confirme:

    { $link }

    El enlace vale durante un día, en cualquier dispositivo. Si no fue usted, no haga nada: nadie obtendrá acceso.
guest-mail-sponsor-subject = Un invitado solicita acceso: { $site }
guest-mail-sponsor =
    Un invitado le ha indicado como la persona a la que visita y solicita acceso: { $site }.

    Nombre: { $name }

    Empresa: { $company }

    Motivo: { $reason }

    Abra este enlace para decidir. Se le pedirá que inicie sesión:

    { $link }

    El enlace vale durante un día. Si no hace nada, el invitado no obtiene acceso.
